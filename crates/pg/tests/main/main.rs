//! Sessions and servers against the real PostgreSQL of this machine.

mod catalog;
mod checksum;
mod connecting;
mod death;
mod lifecycle;
mod sessions;
mod support;
mod tools;
