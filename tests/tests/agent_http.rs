//! Hostile and careless clients: refused, and the agent goes on.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use vscsi_tests::agent_host::{AgentHost, NoMoreDescriptors, wait_until};
use vscsi_tests::truth::{compare_with_truth, snapshots};

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");

fn started() -> AgentHost {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent
}

/// Sends bytes as they are and gives what comes back until the agent closes or is silent.
fn raw(agent: &AgentHost, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", agent.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    // A refusal may come before all is sent.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(length) = stream.read(&mut chunk) {
        if length == 0 {
            break;
        }
        answer.extend_from_slice(&chunk[..length]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("")
}

#[test]
fn a_wrong_token_is_refused_with_what_to_do() {
    let agent = started();
    let answer = raw(
        &agent,
        b"GET /v1/info HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer no\r\n\r\n",
    );
    assert_eq!(status(&answer), "401");
    assert!(
        answer.contains("\"code\":\"unauthorized\"") && answer.contains("\"hint\""),
        "{answer}"
    );
}

#[test]
fn a_foreign_host_is_refused_even_with_the_token() {
    let agent = started();
    let request = format!(
        "GET /v1/info HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer {}\r\n\r\n",
        agent.token()
    );
    assert_eq!(status(&raw(&agent, request.as_bytes())), "403");
}

#[test]
fn a_body_larger_than_the_limit_is_refused_without_being_read() {
    let agent = started();
    let token = agent.token();
    for length in ["65537", "10000000000", "18446744073709551615"] {
        let request = format!(
            "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
        );
        assert_eq!(status(&raw(&agent, request.as_bytes())), "413", "{length}");
    }
    assert_eq!(agent.get("health").status, 200);
}

#[test]
fn ten_megabytes_of_header_are_refused() {
    let agent = started();
    let mut request = b"GET /v1/info HTTP/1.1\r\nHost: localhost\r\nX: ".to_vec();
    request.resize(10 * 1024 * 1024, b'x');
    raw(&agent, &request);
    assert_eq!(agent.get("health").status, 200);
}

#[test]
fn path_tricks_lead_nowhere() {
    let agent = started();
    let token = agent.token();
    for (path, expected) in [
        ("/v1/jobs/../../../etc/passwd", "404"),
        ("/v1/jobs/..%2f..%2fetc", "400"),
        ("/v1/jobs/%00", "400"),
        ("/v1/jobs/.ssh/samples", "400"),
        ("/v1/jobs/a/samples/../../journal.json", "404"),
        ("/v1/jobs/a/samples/-1", "400"),
        ("/etc/passwd", "404"),
    ] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(status(&raw(&agent, request.as_bytes())), expected, "{path}");
    }
}

#[test]
fn what_is_not_http_is_refused() {
    let agent = started();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\r\n\r\n"[..],
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\n\xff\xfe: x\r\n\r\n",
    ] {
        assert_eq!(status(&raw(&agent, bytes)), "400");
    }
    assert_eq!(agent.get("health").status, 200);
}

#[test]
fn two_hundred_silent_connections_keep_nobody_out_and_no_snapshot_waiting() {
    let agent = started();
    agent.begin("job", "SQL-Server-01", 3, 1);
    let mut silent = Vec::new();
    for number in 0..200 {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", agent.port())) {
            // Half of them begin a request and never end it.
            if number % 2 == 0 {
                let _ = stream.write_all(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n");
            }
            silent.push(stream);
        }
    }
    assert_eq!(agent.get("health").status, 200);
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
    assert_eq!(compare_with_truth(&agent.host, &agent.job_directory("job")), 6);
    drop(silent);
}

#[test]
fn a_short_lack_of_descriptors_ends_no_service() {
    let agent = started();
    agent.begin("job", "SQL-Server-01", 1000, 1);
    agent.wait_for_snapshots("job", 1);
    let short = NoMoreDescriptors::of(agent.process());
    // Each takes a descriptor when it is let in, and asks for what needs more.
    let waiting: Vec<TcpStream> = (0..10)
        .filter_map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", agent.port())).ok()?;
            let token = agent.token();
            let request =
                format!("GET /v1/health HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
            stream.write_all(request.as_bytes()).ok()?;
            Some(stream)
        })
        .collect();
    std::thread::sleep(Duration::from_secs(2));
    drop(short);
    drop(waiting);
    wait_until("the agent answers again", || answers(&agent));
    let stopped = agent.post("jobs/job/stop", &json!({}));
    assert_eq!(
        stopped.json["job"]["cleanup"]["vscsiStats_stopped"], true,
        "{}",
        stopped.json
    );
    agent.wait_until_nothing_collects();
}

fn answers(agent: &AgentHost) -> bool {
    let token = agent.token();
    let request = format!(
        "GET /v1/health HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    status(&raw(agent, request.as_bytes())) == "200"
}

#[test]
fn a_flood_of_connections_refuses_no_command_of_a_client_with_the_token() {
    let agent = started();
    let over = std::sync::atomic::AtomicBool::new(false);
    let port = agent.port();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut held = std::collections::VecDeque::new();
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    held.extend(TcpStream::connect(("127.0.0.1", port)).ok());
                    if held.len() > 100 {
                        held.pop_front();
                    }
                }
            });
        }
        let answered = (0..20).filter(|_| answers_in_time(&agent)).count();
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(answered, 20);
    });
    let run = std::fs::read_dir(agent.host.root().join("var/run")).unwrap();
    let sockets = run
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "sock"));
    assert_eq!(sockets.count(), 0, "no listener but the one");
}

fn answers_in_time(agent: &AgentHost) -> bool {
    let client: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into();
    let request = client
        .get(format!("http://127.0.0.1:{}/v1/health", agent.port()))
        .header("Authorization", format!("Bearer {}", agent.token()));
    request.call().is_ok()
}

/// A request for the agent's health on a connection that stays.
fn health_request(agent: &AgentHost) -> String {
    let token = agent.token();
    format!("GET /v1/health HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n")
}

/// Asks for the agent's health on a connection that stays; the status of the answer.
fn ask(stream: &mut TcpStream, agent: &AgentHost) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(health_request(agent).as_bytes()).unwrap();
    let mut answer = BufReader::new(stream);
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    answer.read_line(&mut first).unwrap();
    while answer.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    answer.read_exact(&mut vec![0; length]).unwrap();
    status(&first).to_owned()
}

fn is_closed(stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    matches!({ stream }.read(&mut [0]), Ok(0))
}

#[test]
fn a_client_too_many_is_told_so_and_those_that_are_in_stay() {
    let agent = started();
    let connect = || TcpStream::connect(("127.0.0.1", agent.port())).unwrap();
    let mut clients: Vec<TcpStream> = (0..40).map(|_| connect()).collect();
    for client in &mut clients {
        assert_eq!(ask(client, &agent), "200");
    }
    let refused = raw(&agent, health_request(&agent).as_bytes());
    assert_eq!(status(&refused), "503", "{refused}");
    assert!(
        refused.contains("\"code\":\"unavailable\"") && refused.contains("try again in a moment"),
        "{refused}"
    );
    for client in &mut clients {
        assert_eq!(ask(client, &agent), "200");
    }
    clients.pop();
    wait_until("there is room again", || answers(&agent));
}

#[test]
fn the_oldest_client_without_the_token_makes_room_for_the_next_and_no_other_does() {
    let agent = started();
    let connect = || TcpStream::connect(("127.0.0.1", agent.port())).unwrap();
    let mut client = connect();
    assert_eq!(ask(&mut client, &agent), "200");
    let mut silent: Vec<TcpStream> = (0..16).map(|_| connect()).collect();
    assert!(!silent.iter().any(is_closed));
    silent.push(connect());
    wait_until("the oldest has gone", || is_closed(&silent[0]));
    assert!(!silent[1..].iter().any(is_closed));
    assert_eq!(ask(&mut client, &agent), "200");
}

#[test]
fn a_client_without_the_token_has_its_place_for_ten_seconds() {
    let agent = started();
    let began = Instant::now();
    let [mut silent, mut half] = [(); 2].map(|()| {
        let stream = TcpStream::connect(("127.0.0.1", agent.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        stream
    });
    half.write_all(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n")
        .unwrap();
    let mut answer = String::new();
    half.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), "400");
    assert!(answer.contains("did not arrive within 10 s"), "{answer}");
    answer.clear();
    silent.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "");
    assert!(began.elapsed() >= Duration::from_secs(9), "{:?}", began.elapsed());
}

#[test]
fn a_slow_body_of_an_admitted_client_holds_up_nobody() {
    let agent = started();
    let mut stream = TcpStream::connect(("127.0.0.1", agent.port())).unwrap();
    let head = format!(
        "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: 5000\r\n\r\n{{",
        agent.token()
    );
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..20 {
        assert_eq!(agent.get("health").status, 200);
    }
}

#[test]
fn several_requests_pass_over_one_connection() {
    let agent = started();
    let one = |more: &str| {
        let token = agent.token();
        format!("GET /v1/health HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{more}\r\n")
    };
    let answers = raw(&agent, (one("") + &one("") + &one("Connection: close\r\n")).as_bytes());
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
}

#[test]
fn the_same_job_twice_is_one_job_and_a_different_one_is_a_conflict() {
    let agent = started();
    let request = agent.job_request("job", "Web-App-VM", 2, 1);
    assert_eq!(agent.post("jobs", &request).status, 201);
    assert_eq!(agent.post("jobs", &request).status, 200);
    let mut other = request.clone();
    other["profile"]["samples"] = json!(3);
    let conflict = agent.post("jobs", &other);
    assert_eq!((conflict.status, &conflict.json["code"]), (409, &json!("conflict")));
    agent.wait_for_job("job");
    assert_eq!(snapshots(&agent.job_directory("job")).len(), 3);
}

#[test]
fn a_request_for_what_is_not_there_says_what_is() {
    let agent = started();
    let mut request = agent.job_request("job", "SQL-Server-01", 1, 1);
    request["disks"] = json!([{"handle_id": "1", "node": "scsi9:9"}]);
    let refused = agent.post("jobs", &request);
    assert_eq!((refused.status, &refused.json["code"]), (422, &json!("no_such_target")));
    let message = refused.json["message"].as_str().unwrap();
    assert!(message.contains("scsi9:9") && message.contains("scsi0:1"), "{message}");
}

#[test]
fn a_bad_name_or_profile_is_refused_and_nothing_begins() {
    let agent = started();
    let good = agent.job_request("job", "Web-App-VM", 1, 1);
    for (key, value) in [
        ("/name", json!("../x")),
        ("/profile/samples", json!(0)),
        ("/profile/interval_seconds", json!(0)),
        ("/disks", json!([])),
        ("/surprise", json!(1)),
    ] {
        let mut bad = good.clone();
        match bad.pointer_mut(key) {
            Some(slot) => *slot = value,
            None => bad["surprise"] = value,
        }
        assert_eq!(agent.post("jobs", &bad).status, 400, "{key}");
    }
    assert!(agent.host.collecting().unwrap().is_empty());
}

#[test]
fn what_no_job_may_have_is_refused_with_the_range_that_it_may_have() {
    let agent = started();
    let job = agent.job_request("job", "Web-App-VM", 1, 1);
    let listed = agent.get("inventory").json;
    let config_file = listed["vms"][0]["config_file"].as_str().unwrap();
    for (profile, misses, message) in [
        (
            (u32::MAX, 1),
            10,
            "the number of samples must be 1 to 100000, not 4294967295",
        ),
        ((1, 0), 10, "the interval in seconds must be 1 to 86400, not 0"),
        ((1, 1), 0, "the number of misses in a row must be 1 to 100000, not 0"),
    ] {
        let profile = json!({"name": "p", "samples": profile.0, "interval_seconds": profile.1});
        let options = json!({"max_misses": misses});
        let mut request = job.clone();
        request["profile"] = profile.clone();
        request["options"] = options.clone();
        let template = json!({"config_file": config_file, "profile": profile, "options": options});
        let schedule = json!({"name": "nightly", "cron": "0 22 * * *", "job": template});
        for refused in [agent.post("jobs", &request), agent.post("schedules", &schedule)] {
            assert_eq!((refused.status, &refused.json["code"]), (400, &json!("unacceptable")));
            assert_eq!(refused.json["message"], message);
        }
    }
}

#[test]
fn a_bundle_can_be_taken_up_at_any_byte() {
    let agent = started();
    agent.begin("job", "Web-App-VM", 2, 1);
    agent.wait_for_job("job");
    let fetch = |path: &str| {
        let mut response = ureq::get(format!("http://127.0.0.1:{}/v1/jobs/job/{path}", agent.port()))
            .header("Authorization", format!("Bearer {}", agent.token()))
            .call()
            .unwrap();
        response.body_mut().read_to_vec().unwrap()
    };
    // A bundle is, for each file, a line of JSON and the file.
    let without_lines = |bundle: &[u8], skipped: usize| {
        let mut files = Vec::new();
        let mut rest = bundle;
        let mut skipped = skipped;
        while !rest.is_empty() {
            let end = rest.iter().position(|&byte| byte == b'\n').unwrap() + 1;
            let line: serde_json::Value = serde_json::from_slice(&rest[..end]).unwrap();
            assert_eq!(line["skipped"], skipped);
            let length = usize::try_from(line["file"]["bytes"].as_u64().unwrap()).unwrap() - skipped;
            files.extend_from_slice(&rest[end..end + length]);
            rest = &rest[end + length..];
            skipped = 0;
        }
        files
    };
    let file = |sequence: u32| {
        std::fs::read(
            agent
                .job_directory("job")
                .join(format!("samples/sample_00{sequence}.csv")),
        )
        .unwrap()
    };
    let all = [file(0), file(1), file(2)].concat();
    assert_eq!(without_lines(&fetch("bundle"), 0), all);
    let tail = [file(1), file(2)].concat();
    for skip in [0, 1, 100, file(1).len() - 1, file(1).len()] {
        assert_eq!(
            without_lines(&fetch(&format!("bundle?after=0&skip={skip}")), skip),
            tail[skip..],
            "{skip}"
        );
    }
    assert!(fetch("bundle?after=2").is_empty());
}
