//! `watch --web` in a real browser, over a real sshd.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use serde_json::{Value, json};
use vscsi_tests::agent_host::wait_until;
use vscsi_tests::browser::Browser;
use vscsi_tests::processes::signal;
use vscsi_tests::sshd::{Client, SshHost, Style};

/// The program that serves the view of the job `sql`.
struct Served {
    program: Child,
    address: String,
}

impl Served {
    fn of(client: &Client) -> Self {
        let mut program = client
            .command(["--json", "watch", "--web", "sql"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let address = told["address"].as_str().unwrap().to_owned();
        Self { program, address }
    }

    /// Without the key.
    fn origin(&self) -> &str {
        self.address.split_once("/#").unwrap().0
    }

    fn key(&self) -> &str {
        self.address.split_once('#').unwrap().1
    }

    fn get(&self, path: &str) -> ureq::http::Response<ureq::Body> {
        ureq::get(format!("{}{path}", self.origin()))
            .header("Authorization", format!("Bearer {}", self.key()))
            .call()
            .unwrap()
    }

    fn end(&mut self, number: i32) -> Option<i32> {
        signal(self.program.id(), number);
        self.program.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn started(samples: u32) -> (SshHost, Client) {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", samples);
    (host, client)
}

#[test]
fn the_browser_shows_samples_as_they_come_and_what_it_saves_is_the_report() {
    let (_host, client) = started(6);
    let served = Served::of(&client);
    let browser = Browser::start(&[]).unwrap();
    browser.open(&served.address).unwrap();
    let samples = "document.querySelectorAll('#time details tbody tr').length";
    let value = |expression: &str| browser.value_of(expression).unwrap();
    wait_until("two samples are shown", || value(samples).as_u64() >= Some(2));
    assert_eq!(value("document.querySelector('h1').textContent"), "SQL-Server-01");
    // What the reader has opened stays open when the next sample comes.
    value("document.querySelector('#time details').open = true");
    wait_until("all samples are shown", || value(samples) == 6);
    assert_eq!(value("document.querySelector('#time details').open"), true);
    let standing = "document.querySelector('#standing').innerText";
    wait_until("its end is told", || {
        value(standing).as_str().unwrap().contains("Every job has ended")
    });
    assert_eq!(browser.console().unwrap(), [""; 0]);
    let requests = browser.requests().unwrap();
    assert!(
        requests.iter().all(|address| address.starts_with(served.origin())),
        "{requests:?}"
    );
    assert!(
        !requests.iter().any(|address| address.contains(served.key())),
        "{requests:?}"
    );

    // Once it has ended, the report is that of the command, byte for byte.
    let saved = served.get("/jobs/sql/report").into_body().read_to_string().unwrap();
    let written = client.run(&["report", "sql", "-o", "-"]).expect(0).stdout;
    assert!(saved == written, "{} and {} bytes", saved.len(), written.len());
}

#[test]
fn a_program_that_has_ended_leaves_a_page_that_says_how_old_it_is_and_a_job_that_runs_on() {
    let (_host, client) = started(1000);
    let mut served = Served::of(&client);
    let browser = Browser::start(&[]).unwrap();
    browser.open(&served.address).unwrap();
    let value = |expression: &str| browser.value_of(expression).unwrap();
    wait_until("the job is shown", || {
        value("document.querySelector('h1')?.textContent ?? null") == "SQL-Server-01"
    });
    assert_eq!(served.end(libc::SIGINT), Some(0));
    wait_until("it is told", || {
        let told = value("document.querySelector('#lost').innerText");
        told.as_str().unwrap().contains("what is shown is of ")
    });
    assert_eq!(value("document.querySelector('h1').textContent"), "SQL-Server-01");
    assert_eq!(
        client.run(&["--json", "status", "sql"]).expect(0).json()["job"]["status"],
        "running"
    );
    let mut again = Served::of(&client);
    assert_eq!(again.end(libc::SIGTERM), Some(143));
}

#[test]
fn without_the_key_or_under_a_foreign_name_nothing_is_told() {
    let (_host, client) = started(1000);
    let served = Served::of(&client);
    let told = |lines: &str| {
        let (_, port) = served.origin().rsplit_once(':').unwrap();
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        let lines = lines.replace("PORT", port).replace("KEY", served.key());
        stream
            .write_all(format!("{lines}\r\nConnection: close\r\n\r\n").as_bytes())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let status = |answer: &str| answer.split(' ').nth(1).unwrap().to_owned();
    let page = told("GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT");
    assert_eq!(status(&page), "200");
    assert!(!page.contains("sql") && !page.contains(served.key()), "{page}");
    for (expected, lines) in [
        (
            "200",
            "GET /jobs HTTP/1.1\r\nHost: localhost:PORT\r\nAuthorization: Bearer KEY",
        ),
        ("401", "GET /jobs HTTP/1.1\r\nHost: 127.0.0.1:PORT"),
        (
            "401",
            "GET /jobs/sql HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nAuthorization: Bearer KEYX",
        ),
        (
            "421",
            "GET /jobs HTTP/1.1\r\nHost: rebound.example:PORT\r\nAuthorization: Bearer KEY",
        ),
        (
            "421",
            "GET /jobs HTTP/1.1\r\nHost: localhost:PORT\r\nHost: evil\r\nAuthorization: Bearer KEY",
        ),
        (
            "405",
            "POST /jobs HTTP/1.1\r\nHost: localhost:PORT\r\nAuthorization: Bearer KEY\r\nContent-Length: 0",
        ),
        (
            "404",
            "GET /jobs/../etc/passwd HTTP/1.1\r\nHost: localhost:PORT\r\nAuthorization: Bearer KEY",
        ),
    ] {
        assert_eq!(status(&told(lines)), expected, "{lines}");
    }
    // Nobody else on the network is listened to, and no argument of a process holds the key.
    let arguments = std::process::Command::new("ps").args(["-eo", "args"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&arguments.stdout).contains(served.key()));
}

#[test]
fn a_wrong_key_is_told_on_the_page() {
    let (_host, client) = started(1000);
    let served = Served::of(&client);
    let browser = Browser::start(&[]).unwrap();
    browser.open(&format!("{}/#wrong", served.origin())).unwrap();
    wait_until("it is told", || {
        let told = browser.value_of("document.querySelector('#lost').innerText").unwrap();
        told.as_str().unwrap().contains("the key is missing or wrong")
    });
    assert_eq!(
        browser.value_of("document.querySelector('#job').innerText").unwrap(),
        json!("")
    );
}
