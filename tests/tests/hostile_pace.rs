//! A host that was taken over must not hold up the workstation: answers that are slow, or empty, or never end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vscsi_tests::hostile::{Body, Reply, Request, Workstation};

#[test]
fn empty_bundles_are_not_asked_for_without_end() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack_bundle(Vec::clear);
    let ended = workstation.run(&["pull", "evil", "--host", "h2"]);
    assert_ne!(ended.code, 0);
    workstation.expect_laws();
    assert!(
        workstation.agent.requests() < 20,
        "{} requests",
        workstation.agent.requests()
    );
}

#[test]
fn interim_answers_without_end_are_given_up() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack(|request, mut reply| {
        if request.route() == "GET jobs/NAME" {
            reply.body = Body::Raw(b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec(), u64::MAX);
        }
        reply
    });
    let ended = workstation.run(&["pull", "evil", "--host", "h2"]);
    assert_ne!(ended.code, 0);
    workstation.expect_laws();
}

#[test]
fn a_header_without_end_is_given_up() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack(|request, mut reply| {
        if request.route() == "GET jobs/NAME" {
            reply.body = Body::Raw(b"HTTP/1.1 200 OK\r\nX: ".repeat(100), u64::MAX);
        }
        reply
    });
    let ended = workstation.run(&["pull", "evil", "--host", "h2"]);
    assert_ne!(ended.code, 0);
    workstation.expect_laws();
}

#[test]
fn an_answer_of_a_byte_a_second_is_given_up() {
    for route in ["GET jobs/NAME", "GET jobs/NAME/samples", "GET jobs/NAME/bundle"] {
        let mut workstation = Workstation::with_job_there();
        workstation.attack(move |request, mut reply| {
            if request.route() == route {
                reply.body = Body::Dripped(vec![b' '; 1_000_000], Duration::from_millis(200));
            }
            reply
        });
        let ended = workstation.run(&["pull", "evil", "--host", "h2"]);
        assert_eq!(ended.code, 10, "{}", ended.stderr);
        workstation.expect_laws();
    }
}

#[test]
fn a_watch_of_a_host_that_falls_silent_ends() {
    let first_is_honest = |silence: Body| {
        let told = AtomicBool::new(false);
        move |request: &Request, mut reply: Reply| {
            if let Some(view) = reply.view() {
                view["job"]["status"] = "running".into();
                if request.route() == "GET jobs/NAME" && told.swap(true, Ordering::SeqCst) {
                    reply.body = silence.clone();
                }
            }
            reply
        }
    };
    for silence in [
        Body::Raw(Vec::new(), 1),
        Body::Dripped(vec![b' '; 1_000_000], Duration::from_millis(200)),
    ] {
        let mut workstation = Workstation::with_job_there();
        workstation.attack_route("GET jobs/NAME", |view| view["job"]["status"] = "running".into());
        workstation.run(&["pull", "evil", "--host", "h2"]);
        workstation.attack(first_is_honest(silence.clone()));
        let ended = workstation.run(&["status", "evil", "--watch"]);
        assert_eq!(ended.code, 10, "{}", ended.stderr);
        workstation.expect_laws();

        let mut workstation = Workstation::new();
        workstation.attack(first_is_honest(silence));
        let ended = workstation.run(&["collect", "--host", "h2", "--vm", "SQL-Server-01", "--name", "evil"]);
        assert_eq!(ended.code, 10, "{}", ended.stderr);
        workstation.expect_laws();
    }
}
