//! TCP ports of loopback for programs that cannot say which port they took.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// Returns so many ports of 127.0.0.1 that nobody listens on, each another one.
///
/// The system chooses them (port 0). They are free when this returns; a program that takes one meanwhile makes the later
/// listener fail, which says so.
pub fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<io::Result<_>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

/// Tells whether somebody listens on a port of 127.0.0.1.
pub async fn is_listening(port: u16) -> bool {
    tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_is_another_one_and_can_be_taken() {
        let mut ports = free_ports(5).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 5);
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, ports[0])).is_ok());
    }
}
