//! What is asked of the agent, and what is made of its answers.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::{JoinHandle, spawn};

use serde_json::{Value, json};
use vscsi_fixtures::InventoryDisk;

use super::super::evidence::DiskKey;
use super::super::plan::{Deed, JobPlan};
use super::{Performance, REQUEST_TIMEOUT};
use crate::agent_host::Answer;

/// A request under way: the agent may be dead or frozen.
#[derive(Debug)]
pub(super) struct Asking {
    request: Request,
    answer: JoinHandle<Option<Answer>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Create(String),
    Stop,
    /// Stop the job and leave these disks collected.
    Keep(BTreeSet<DiskKey>),
}

impl Performance<'_> {
    pub(super) fn take_answers(&mut self) {
        let (done, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.asking)
            .into_iter()
            .partition(|asking| asking.answer.is_finished());
        self.asking = waiting;
        for Asking { request, answer } in done {
            let Ok(Some(answer)) = answer.join() else { continue };
            // 502 to 507 say what else does not work: the host's programs, the switch, the spool.
            if answer.status == 500 {
                let complaint = format!("{request:?} was answered with {}: {}", answer.status, answer.json);
                self.evidence.complaints.push(complaint);
            }
            match request {
                Request::Create(name) if [200, 201].contains(&answer.status) => {
                    self.accepted.insert(name);
                }
                // Without an answer it is not known whether they are kept.
                Request::Keep(disks) if answer.status != 200 => {
                    self.evidence.kept.retain(|disk| !disks.contains(disk));
                }
                _ => {}
            }
        }
    }

    /// The disks of a job as they are now.
    pub(super) fn disks(&self, job: &JobPlan) -> Result<Vec<InventoryDisk>, String> {
        let (vm, _) = &self.vms[job.vm % self.vms.len()];
        let disks = self.stage.host.host.disks().map_err(|error| error.to_string())?;
        let disks = disks.into_iter().filter(|disk| disk.vm == *vm && disk.visible);
        Ok(disks.take(if job.one_disk { 1 } else { usize::MAX }).collect())
    }

    pub(super) fn stop(&mut self, number: u32, keep: bool) -> Result<(), String> {
        let mut jobs = self.plan.steps.iter().filter_map(|step| match &step.deed {
            Deed::CreateJob(job) if job.number == number => Some(job),
            _ => None,
        });
        let request = match jobs.next().filter(|_| keep) {
            Some(job) => {
                let keys = self
                    .disks(job)?
                    .into_iter()
                    .map(|disk| (disk.world_group_id, disk.handle_id));
                let ours = keys.filter(|disk| !self.foreign.contains(disk) && !self.evidence.kept.contains(disk));
                let ours: BTreeSet<DiskKey> = ours.collect();
                self.evidence.kept.extend(&ours);
                Request::Keep(ours)
            }
            None => Request::Stop,
        };
        let path = format!("jobs/{}/stop", JobPlan::name(number));
        self.ask_later(request, path, json!({"cleanup": !keep}).to_string());
        Ok(())
    }

    pub(super) fn create(&mut self, job: &JobPlan) -> Result<(), String> {
        let disks: Vec<Value> = self
            .disks(job)?
            .into_iter()
            .map(|disk| json!({"handle_id": disk.handle_id.to_string(), "node": disk.node, "lun": disk.node}))
            .collect();
        let (_, config_file) = &self.vms[job.vm % self.vms.len()];
        let name = JobPlan::name(job.number);
        let mode = if job.restart { "restart" } else { "cumulative" };
        let body = json!({
            "name": name,
            "vm": {"config_file": config_file},
            "disks": disks,
            "profile": {"name": "torture", "samples": job.samples, "interval_seconds": 1},
            "options": {"mode": mode},
        });
        self.ask_later(Request::Create(name), "jobs".to_owned(), body.to_string());
        Ok(())
    }

    pub(super) fn ask_later(&mut self, request: Request, path: String, body: String) {
        let Some(asker) = self.stage.host.asker() else { return };
        let answer = spawn(move || asker.ask("POST", &path, &body, REQUEST_TIMEOUT));
        self.asking.push(Asking { request, answer });
    }

    pub(super) fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let asker = self.stage.host.asker().ok_or("no agent can be found")?;
        let answer = asker.ask(method, path, body, REQUEST_TIMEOUT).ok_or("no answer")?;
        if answer.status == 200 {
            Ok(answer.json)
        } else {
            Err(format!("{}: {}", answer.status, answer.json))
        }
    }

    pub(super) fn views(&self) -> BTreeMap<String, Value> {
        let views = self.accepted.iter().map(|name| {
            let view = self.ask("GET", &format!("jobs/{name}"), "");
            (name.clone(), view.unwrap_or_else(|problem| json!({"problem": problem})))
        });
        views.collect()
    }
}
