//! Every way to fail to connect has its own name and a next step.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use underpin_pg::{Address, ConnectError, Profile, Server, Session};

use crate::support::{Folder, spec};

async fn refusal(address: &Address) -> ConnectError {
    Session::connect(address).await.err().unwrap()
}

/// Starts something that answers every connection with `answer` and returns its address.
async fn impostor(answer: &'static [u8]) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(answer).await;
        }
    });
    Address::tcp("127.0.0.1", "me", "shop").port(port)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_refuses_for_named_reasons() {
    let folder = Folder::new();
    let few = spec(&folder, Profile::Fast).setting("max_connections", "4");
    let server = Server::start(few).await.unwrap();
    let address = server.address();
    let error = refusal(&address.database("absent")).await;
    assert!(
        matches!(&error, ConnectError::DatabaseMissing { database, .. } if database == "absent"),
        "{error}"
    );
    assert_eq!(error.hint(), "createdb absent");
    let error = refusal(&address.user("nobody-known")).await;
    assert!(matches!(&error, ConnectError::RoleMissing { .. }), "{error}");
    let mut held = Vec::new();
    let error = loop {
        match Session::connect(&address).await {
            Ok(session) => held.push(session),
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, ConnectError::TooManyConnections { .. }), "{error}");
    assert!(error.is_transient() && held.len() <= 4);
    server.stop().await.unwrap();
    assert!(matches!(refusal(&address).await, ConnectError::NoSocket { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_starting_is_told_apart() {
    let address = impostor(b"E\0\0\0\x37SFATAL\0C57P03\0Mthe database system is starting up\0\0").await;
    let error = refusal(&address).await;
    assert!(matches!(&error, ConnectError::StartingUp { .. }), "{error}");
    assert!(error.is_transient());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_postgres_is_told_apart() {
    let web = impostor(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let error = refusal(&web).await;
    assert!(matches!(&error, ConnectError::NotPostgres { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_and_emptiness_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut address = Address::tcp("127.0.0.1", "me", "shop").port(port);
    address.connect_timeout = Duration::from_millis(200);
    let error = refusal(&address).await;
    assert!(matches!(&error, ConnectError::Timeout { .. }), "{error}");
    drop(listener);
    let error = refusal(&address).await;
    assert!(matches!(&error, ConnectError::Refused { .. }), "{error}");
    assert_eq!(
        error.hint(),
        format!("start the server, or check host and port: pg_isready -h 127.0.0.1 -p {port}")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_hosts_and_empty_folders_are_told_apart() {
    let error = refusal(&Address::tcp("no-such-host.invalid", "me", "shop")).await;
    assert!(matches!(&error, ConnectError::NotFound { .. }), "{error}");
    let error = refusal(&Address::socket("/nowhere", "me", "shop")).await;
    insta::assert_snapshot!(error.to_string(), @"no server listens on the socket /nowhere/.s.PGSQL.5432");
    insta::assert_snapshot!(
        error.hint(),
        @"start the server, or check the socket folder: pg_isready -h /nowhere -p 5432"
    );
}
