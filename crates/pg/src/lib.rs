//! Sessions on PostgreSQL servers, and servers of our own.
//!
//! This is the only crate that opens sockets or starts processes. It knows nothing of projects,
//! proofs or reports, reads no environment variable, and prints nothing.

pub mod address;
pub mod connect_error;
pub mod query_error;
pub mod rows;
pub mod secret;
pub mod session;

pub use address::{Address, AddressError, Host};
pub use connect_error::ConnectError;
pub use query_error::{QueryError, ServerError};
pub use rows::{Row, Rows};
pub use secret::Secret;
pub use session::{Cancel, CopyIn, Notice, Session};
