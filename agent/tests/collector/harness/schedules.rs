//! Schedules of the collector under test.

use std::path::PathBuf;

use jiff::Timestamp;
use vscsi_agent::action::Action;
use vscsi_shared::identifier::Name;
use vscsi_shared::job::HostIdentity;
use vscsi_shared::wire::v1::{CreateSchedule, JobOptions, JobTemplate, ScheduleView};

use super::{Harness, profile};

impl Harness {
    pub(crate) fn schedule(&mut self, name: &str, cron: &str, vm: &str) {
        let request = CreateSchedule {
            name: Name::new(name).unwrap(),
            cron: cron.to_owned(),
            job: JobTemplate {
                host: HostIdentity::default(),
                config_file: format!("/vmfs/volumes/datastore1/{vm}/{vm}.vmx"),
                vm_name: vm.to_owned(),
                disks: Vec::new(),
                profile: profile(2, 60),
                options: JobOptions::default(),
            },
        };
        self.perform(Action::CreateSchedule(request)).unwrap();
    }

    pub(crate) fn next_run(&self, name: &str) -> Option<Timestamp> {
        let schedules = self.views.schedules();
        let found = schedules.iter().find(|view| view.schedule.name.as_str() == name);
        found.and_then(|view| view.next_run_at)
    }

    pub(crate) fn schedule_view(&self, name: &str) -> ScheduleView {
        let schedules = self.views.schedules();
        schedules
            .into_iter()
            .find(|view| view.schedule.name.as_str() == name)
            .unwrap()
    }

    pub(crate) fn unschedule(&mut self, name: &str) {
        let action = Action::DeleteSchedule(Name::new(name).unwrap());
        self.perform(action).unwrap();
    }

    pub(crate) fn schedules_file(&self) -> PathBuf {
        self.state().join("schedules.json")
    }
}
