//! The server: a listener on loopback whose answers pass through an attack.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::reply::Reply;
use super::spool::Spool;

/// A request of the client's.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method, such as `GET`.
    pub method: String,
    /// Path with its query, such as `/v1/jobs/evil/samples?after=1`.
    pub path: String,
    /// Body as JSON; null when it is none.
    pub body: Value,
    /// How many requests there were before, in all connections.
    pub number: u64,
}

impl Request {
    /// The route: the path without the name of a job and without the query, such as `GET jobs/NAME/samples`.
    pub fn route(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let mut words: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
        if words.len() > 1
            && let Some(name) = words.get_mut(1)
        {
            *name = "NAME";
        }
        format!("{} {}", self.method, words.join("/"))
    }
}

/// What becomes of the honest answer to a request.
pub type Attack = Arc<dyn Fn(&Request, Reply) -> Reply + Send + Sync>;

/// The attack that is none.
pub fn honest() -> Attack {
    Arc::new(|_, reply| reply)
}

/// An agent that an attacker has replaced. Its threads end with the test.
pub struct HostileAgent {
    shared: Arc<Shared>,
    port: u16,
}

struct Shared {
    spool: Spool,
    attack: Mutex<Attack>,
    requests: AtomicU64,
    closed: AtomicBool,
}

impl HostileAgent {
    /// A server over `spool`, honest until it is told to [attack](Self::attack).
    ///
    /// # Panics
    /// When it cannot listen.
    pub fn start(spool: Spool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            spool,
            attack: Mutex::new(honest()),
            requests: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        });
        let server = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if server.closed.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&server);
                std::thread::spawn(move || serve(&shared, stream));
            }
        });
        Self { shared, port }
    }

    /// From now on answers pass through `attack`.
    pub fn attack(&self, attack: Attack) {
        *self.shared.attack.lock().unwrap_or_else(PoisonError::into_inner) = attack;
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Its greeting, as JSON.
    pub fn greeting(&self) -> Value {
        json!({"program": "vscsi-agent", "version": "0.1.0", "api": {"min": 1, "max": 1},
               "token": "0123456789abcdef", "port": self.port})
    }
}

impl Drop for HostileAgent {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // The thread that accepts notices at its next connection.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl fmt::Debug for HostileAgent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HostileAgent")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

fn serve(shared: &Shared, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Ok(reading) = stream.try_clone() else { return };
    let mut reader = BufReader::new(reading);
    let mut stream = stream;
    while let Some(mut request) = read_request(&mut reader) {
        request.number = shared.requests.fetch_add(1, Ordering::SeqCst);
        let attack = Arc::clone(&shared.attack.lock().unwrap_or_else(PoisonError::into_inner));
        let reply = attack(&request, shared.spool.answer(&request));
        if reply.send(&mut stream).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut length = 0;
    loop {
        let field = line()?;
        if field.is_empty() {
            break;
        }
        if let Some(value) = field.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        number: 0,
    })
}
