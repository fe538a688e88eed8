//! A host that was taken over must not reach the workstation, its other jobs, or other hosts: whatever stands in the place
//! of any field of any answer, and whatever answers follow each other.
//!
//! A run of the tests takes some of the fields and some sequences, always the same ones. `VSCSI_HOSTILE_RUNS` takes as
//! many as it says and `VSCSI_HOSTILE_SEED` takes others; a failure prints what repeats it.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use vscsi_tests::hostile::{Body, Change, Reply, Request, Workstation, changes_of};

/// What a user does with a host, one after the other. `true` begins with the job known and pulled while the host was
/// honest.
const STORIES: [(&str, bool, &[&[&str]]); 7] = [
    (
        "look",
        false,
        &[
            &["discover", "h2"],
            &["doctor", "--host", "h2", "-v"],
            &["--json", "discover", "h2"],
        ],
    ),
    (
        "start",
        false,
        &[
            &["start", "--host", "h2", "--vm", "SQL-Server-01", "--name", "evil"],
            &["status", "evil"],
            &["list"],
        ],
    ),
    (
        "pull",
        false,
        &[
            &["pull", "evil", "--host", "h2"],
            &["list"],
            &["status", "evil"],
            &["analyze", "evil", "--csv"],
            &["export", "evil", "-o", "-"],
        ],
    ),
    (
        "again",
        true,
        &[&["pull", "evil"], &["--json", "pull", "evil"], &["pull"]],
    ),
    (
        "end",
        true,
        &[
            &["status", "evil"],
            &["stop", "evil"],
            &["cleanup", "evil"],
            &["delete", "evil", "--force"],
        ],
    ),
    (
        "collect",
        false,
        &[&["collect", "--host", "h2", "--vm", "SQL-Server-01", "--name", "evil"]],
    ),
    (
        "schedule",
        false,
        &[
            &[
                "schedule",
                "add",
                "nightly",
                "--cron",
                "0 22 * * *",
                "--host",
                "h2",
                "--vm",
                "SQL-Server-01",
            ],
            &["schedule", "list", "--host", "h2"],
            &["schedule", "remove", "nightly", "--host", "h2"],
        ],
    ),
];

fn begin(is_known: bool, name: &str) -> Workstation {
    match (is_known, name) {
        (true, _) => Workstation::with_job_here(),
        (false, "pull") => Workstation::with_job_there(),
        _ => Workstation::new(),
    }
}

/// Every change of every answer that the client asks for in a story: the route, and what is changed.
fn changes_in(story: usize) -> Vec<(String, Change)> {
    let (name, is_known, commands) = STORIES[story];
    let mut workstation = begin(is_known, name);
    let seen = Arc::new(Mutex::new(Vec::<(String, Change)>::new()));
    let noted = Arc::clone(&seen);
    workstation.attack(move |request, mut reply| {
        let mut seen = noted.lock().unwrap();
        let route = request.route();
        if seen.iter().all(|(known, _)| *known != route) {
            seen.extend(changes_of(&mut reply).into_iter().map(|change| (route.clone(), change)));
        }
        reply
    });
    for words in commands {
        workstation.run(words);
    }
    workstation.expect_laws();
    std::mem::take(&mut seen.lock().unwrap())
}

/// Plays a story with an attack, and gives what laws it broke.
fn play(story: usize, attack: impl Fn(&Request, Reply) -> Reply + Send + Sync + 'static) -> Vec<String> {
    let (name, is_known, commands) = STORIES[story];
    let mut workstation = begin(is_known, name);
    workstation.agent.attack(Arc::new(attack));
    for words in commands {
        workstation.run(words);
    }
    workstation.broken_laws(&[])
}

/// Does `work` for every number below `count`, two at a time, and gives all that they found.
fn in_parallel(count: usize, work: impl Fn(usize) -> Vec<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let broken = work(number);
                    found.lock().unwrap().extend(broken);
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// How many runs: so many unless asked otherwise.
fn runs(usual: usize) -> usize {
    let asked = std::env::var("VSCSI_HOSTILE_RUNS").ok();
    asked.map_or(usual, |text| text.parse().unwrap())
}

fn seed() -> u64 {
    let asked = std::env::var("VSCSI_HOSTILE_SEED").ok();
    asked.map_or(1, |text| text.parse().unwrap())
}

#[test]
fn no_field_of_any_answer_breaks_a_law() {
    let all: Vec<(usize, String, Change)> = (0..STORIES.len())
        .flat_map(|story| {
            changes_in(story)
                .into_iter()
                .map(move |(route, change)| (story, route, change))
        })
        .collect();
    // All of them take long: a usual run takes the same few, and a night takes all.
    let runs = runs(150).min(all.len());
    let mut random = ChaCha8Rng::seed_from_u64(seed());
    let chosen = rand::seq::index::sample(&mut random, all.len(), runs).into_vec();
    let broken = in_parallel(runs, |number| {
        let (story, route, change) = &all[chosen[number]];
        let (name, meant, applied) = (STORIES[*story].0, route.clone(), change.clone());
        let found = play(*story, move |request, mut reply| {
            if request.route() == meant {
                applied.apply(&mut reply);
            }
            reply
        });
        found
            .into_iter()
            .map(|what| format!("{name}: {route} {change}: {what}"))
            .collect()
    });
    assert!(
        broken.is_empty(),
        "{runs} of {} changes:\n{}",
        all.len(),
        broken.join("\n")
    );
}

#[test]
fn no_sequence_of_answers_breaks_a_law() {
    let runs = runs(40);
    let seed = seed();
    let broken = in_parallel(runs, |number| {
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(number as u64);
        let story = number % STORIES.len();
        let random = Mutex::new(ChaCha8Rng::seed_from_u64(seed));
        let found = play(story, move |_, reply| disturbed(reply, &mut random.lock().unwrap()));
        found
            .into_iter()
            .map(|what| format!("seed {seed}, {}: {what}", STORIES[story].0))
            .collect()
    });
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// An answer with nothing, a few fields, or its very form changed.
fn disturbed(mut reply: Reply, random: &mut ChaCha8Rng) -> Reply {
    let changes = changes_of(&mut reply);
    for _ in 0..random.random_range(0..4) {
        if let Some(change) = changes.choose(random) {
            change.apply(&mut reply);
        }
    }
    match random.random_range(0..40) {
        0 => reply.status = 500,
        1 => reply.status = 204,
        2 => reply.told_length = Some(u64::MAX),
        3 => reply.told_length = Some(1),
        4 => "Transfer-Encoding: chunked\r\n".clone_into(&mut reply.header),
        5 => "Content-Encoding: gzip\r\n".clone_into(&mut reply.header),
        6 => "Location: http://attacker.example/\r\n".clone_into(&mut reply.header),
        7 => reply.status = 302,
        8 => reply.body = Body::Bytes((0..300).map(|_| random.random()).collect()),
        9 => reply.body = Body::Raw((0..300).map(|_| random.random()).collect(), 1),
        10 => reply.body = Body::Raw(Vec::new(), 0),
        11 => reply.body = Body::Bytes(b"[".repeat(100_000)),
        12 => reply.status = 101,
        13 => {
            if let Some(files) = reply.files() {
                let some = files.first().cloned();
                files.extend(some);
            }
        }
        14 => {
            if let Some(files) = reply.files() {
                files.reverse();
            }
        }
        15 => {
            if let Some((_, bytes)) = reply.files().and_then(|files| files.first_mut()) {
                let half = bytes.len() / 2;
                bytes.truncate(half);
            }
        }
        _ => {}
    }
    reply
}
