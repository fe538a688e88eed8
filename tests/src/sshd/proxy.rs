//! A TCP connection that breaks after so many bytes.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Passes connections on to an address, and breaks the one that brings more than its share of bytes.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    left: Arc<AtomicI64>,
    passed: Arc<AtomicU64>,
}

impl Proxy {
    /// A proxy for `target`. Its thread ends with the test.
    ///
    /// # Panics
    /// When it cannot listen.
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicI64::new(i64::MAX));
        let passed = Arc::new(AtomicU64::new(0));
        let (counter, total) = (Arc::clone(&left), Arc::clone(&passed));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(target) else {
                    continue;
                };
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || pass(from, to, None));
                let (counter, total) = (Arc::clone(&counter), Arc::clone(&total));
                std::thread::spawn(move || pass(server, client, Some((counter, total))));
            }
        });
        Self { port, left, passed }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, the connection breaks once the server has sent so many bytes; the next one is whole again.
    pub fn break_after(&self, bytes: i64) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    /// Bytes that the server sent through it.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, limit: Option<(Arc<AtomicI64>, Arc<AtomicU64>)>) {
    let mut buffer = [0; 4096];
    while let Ok(amount @ 1..) = from.read(&mut buffer) {
        let mut wanted = amount;
        if let Some((left, passed)) = &limit {
            passed.fetch_add(amount as u64, Ordering::SeqCst);
            let before = left.fetch_sub(amount as i64, Ordering::SeqCst);
            if before <= amount as i64 {
                wanted = usize::try_from(before).unwrap_or(0);
                left.store(i64::MAX, Ordering::SeqCst);
                let _ = to.write_all(&buffer[..wanted]);
                break;
            }
        }
        if to.write_all(&buffer[..wanted]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
