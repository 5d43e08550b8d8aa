//! A relay between two Unix sockets, or two ports of loopback, that delays, limits and cuts what passes, for drills on links that are not well.
//!
//! In user space, because not every kernel has `netem` and nobody may be asked for root to use it.

use std::io;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use std::net::Ipv4Addr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::address::{Address, DEFAULT_PORT, Host};
use crate::run_as::RunAs;

/// How a link is; the default is a perfect one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Time that every byte is under way, in each direction.
    pub delay: Duration,
    /// Most bytes per second in each direction; none for no limit.
    pub bytes_per_second: Option<u64>,
    /// Nothing passes, and nobody is told: connections stay open, as behind a cut cable.
    pub cut: bool,
}

/// A relay to one server. Dropped, it closes all its connections.
#[derive(Debug)]
pub struct Relay {
    place: Host,
    port: u16,
    link: watch::Sender<Link>,
    accepting: JoinHandle<()>,
}

/// Bytes that are read at once.
const CHUNK: usize = 1 << 16;

/// Chunks that may be under way in one direction: 16 MB, more than a link with a delay of seconds holds in a drill.
const UNDER_WAY: usize = 256;

impl Relay {
    /// Listens in the new folder `folder` and passes everything to the server at `target`, which has a Unix socket.
    ///
    /// Fails when the folder cannot be made or the target is no socket. Needs a tokio runtime.
    pub fn start(folder: &Utf8Path, target: &Address, run_as: &RunAs) -> io::Result<Relay> {
        let Host::Socket(there) = &target.host else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a relay leads to a Unix socket"));
        };
        let there = there.join(format!(".s.PGSQL.{}", target.port));
        run_as.create_folder(folder)?;
        let here = folder.join(format!(".s.PGSQL.{DEFAULT_PORT}"));
        let listener = UnixListener::bind(&here)?;
        run_as.own(&here)?;
        let (link, state) = watch::channel(Link::default());
        let accepting = tokio::spawn(accept(listener, there, state));
        Ok(Relay { place: Host::Socket(folder.to_owned()), port: DEFAULT_PORT, link, accepting })
    }

    /// Listens on a free port of 127.0.0.1 and passes everything to the port `target` there.
    ///
    /// Fails when there is no port to be had. Needs a tokio runtime.
    pub async fn start_tcp(target: u16) -> io::Result<Relay> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (link, state) = watch::channel(Link::default());
        let accepting = tokio::spawn(accept_tcp(listener, target, state));
        Ok(Relay { place: Host::Tcp(Ipv4Addr::LOCALHOST.to_string()), port, link, accepting })
    }

    /// Returns the port on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address under which clients of `target` come through the relay.
    pub fn address(&self, target: &Address) -> Address {
        Address { host: self.place.clone(), port: self.port, ..target.clone() }
    }

    /// Changes the link, for what is under way too.
    pub fn set(&self, link: Link) {
        self.link.send_replace(link);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // The tasks of the connections end with the sender of the link.
        self.accepting.abort();
    }
}

async fn accept(listener: UnixListener, there: Utf8PathBuf, link: watch::Receiver<Link>) {
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = UnixStream::connect(&there).await else { continue };
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        tokio::spawn(pass(from_client, to_server, link.clone()));
        tokio::spawn(pass(from_server, to_client, link.clone()));
    }
}

async fn accept_tcp(listener: TcpListener, target: u16, link: watch::Receiver<Link>) {
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { continue };
        for stream in [&client, &server] {
            // Nagle's algorithm would delay what passes; where it cannot be switched off it only costs time.
            let _ = stream.set_nodelay(true);
        }
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        tokio::spawn(pass(from_client, to_server, link.clone()));
        tokio::spawn(pass(from_server, to_client, link.clone()));
    }
}

/// Passes one direction: reading goes on while earlier bytes are still under way, so a delay does not limit the speed.
async fn pass(from: impl AsyncRead + Unpin, to: impl AsyncWrite + Unpin, link: watch::Receiver<Link>) {
    let (sender, receiver) = mpsc::channel(UNDER_WAY);
    let passing = async { tokio::join!(take(from, sender), give(to, receiver, link.clone())) };
    tokio::select! {
        _ = passing => {}
        () = gone(link.clone()) => {}
    }
}

/// Returns when the relay is dropped.
async fn gone(mut link: watch::Receiver<Link>) {
    while link.changed().await.is_ok() {}
}

async fn take(mut from: impl AsyncRead + Unpin, under_way: mpsc::Sender<(Instant, Vec<u8>)>) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or_default(),
            // The other side does not take any more.
            () = under_way.closed() => return,
        };
        if read == 0 || under_way.send((Instant::now(), buffer[..read].to_vec())).await.is_err() {
            return;
        }
    }
}

async fn give(
    mut to: impl AsyncWrite + Unpin,
    mut under_way: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut link: watch::Receiver<Link>,
) {
    let mut waiting = under_way.recv().await;
    while let Some((taken, bytes)) = waiting {
        let state = *link.borrow_and_update();
        let due = taken + state.delay;
        if state.cut || Instant::now() < due {
            // A change of the link counts for what is under way.
            let changed = tokio::select! {
                changed = link.changed() => changed,
                () = tokio::time::sleep_until(due), if !state.cut => Ok(()),
            };
            if changed.is_err() {
                return;
            }
            waiting = Some((taken, bytes));
            continue;
        }
        if let Some(rate) = state.bytes_per_second {
            tokio::time::sleep(Duration::from_secs_f64(bytes.len() as f64 / rate.max(1) as f64)).await;
            if link.borrow().cut {
                waiting = Some((taken, bytes));
                continue;
            }
        }
        if to.write_all(&bytes).await.is_err() {
            return;
        }
        waiting = under_way.recv().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An echo behind a relay.
    async fn echo(folder: &Utf8Path) -> (Relay, UnixStream) {
        let there = folder.join("there");
        std::fs::create_dir(&there).unwrap();
        let listener = UnixListener::bind(there.join(".s.PGSQL.5432")).unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (mut from, mut to) = stream.into_split();
            let _ = tokio::io::copy(&mut from, &mut to).await;
        });
        let relay =
            Relay::start(&folder.join("here"), &Address::socket(there, "u", "d"), &RunAs::Ourselves).unwrap();
        let client = UnixStream::connect(folder.join("here/.s.PGSQL.5432")).await.unwrap();
        (relay, client)
    }

    async fn there_and_back(client: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Duration {
        let start = Instant::now();
        client.write_all(b"x").await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
        start.elapsed()
    }

    #[tokio::test]
    async fn bytes_are_delayed_and_held_back() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Utf8PathBuf::from(dir.path().to_str().unwrap());
        let (relay, mut client) = echo(&folder).await;
        there_and_back(&mut client).await;
        relay.set(Link { delay: Duration::from_millis(60), ..Link::default() });
        assert!(there_and_back(&mut client).await >= Duration::from_millis(120));
        relay.set(Link { cut: true, ..Link::default() });
        let held = tokio::time::timeout(Duration::from_millis(200), there_and_back(&mut client)).await;
        assert!(held.is_err());
        // The cable is plugged in again: what was held back arrives.
        relay.set(Link::default());
        client.read_exact(&mut [0]).await.unwrap();
    }

    #[tokio::test]
    async fn ports_are_relayed_and_cut_too() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (mut from, mut to) = stream.into_split();
            let _ = tokio::io::copy(&mut from, &mut to).await;
        });
        let relay = Relay::start_tcp(target).await.unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port())).await.unwrap();
        there_and_back(&mut client).await;
        relay.set(Link { cut: true, ..Link::default() });
        let held = tokio::time::timeout(Duration::from_millis(100), there_and_back(&mut client)).await;
        assert!(held.is_err());
        relay.set(Link::default());
        client.read_exact(&mut [0]).await.unwrap();
    }
}
