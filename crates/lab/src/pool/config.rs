//! PgBouncer's files from the advice.

use serde::Serialize;

use super::advice::Advice;

/// Texts of PgBouncer's files.
#[derive(Clone, Debug, Serialize)]
pub struct Files {
    /// `pgbouncer.ini`.
    pub ini: String,
    /// `userlist.txt`.
    pub users: String,
}

/// Returns the files; the server's address and the role's verifier are for the user to fill in.
pub fn files(advice: &Advice, role: &str, database: &str) -> Files {
    let Advice { size, knee, service_ms, rate, busy, max_clients, descriptors, limits, .. } = advice;
    let memory = limits.connection_bytes.map_or_else(String::new, |bytes| {
        format!("; One more server connection took {:.1} MB.\n", bytes as f64 / 1e6)
    });
    let warnings: String = advice.warnings.iter().map(|warning| format!("; WARNING: {warning}\n")).collect();
    let ini = format!(
        "; Written by `underpin pool`. Measured: {service_ms:.2} ms of service per call, {rate:.0} calls/s wanted, so {busy:.1} connections\n\
         ; busy on average; the curve has its knee at {knee}.\n{memory}{warnings}\n\
         [databases]\n; The server's own address.\n{database} = host=127.0.0.1 port=5432 dbname={database}\n\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = 6432\npool_mode = transaction\n\
         auth_type = scram-sha-256\nauth_file = userlist.txt\n\n\
         default_pool_size = {size}\n; All roles of a database together: each has a pool of its own.\nmax_db_connections = {size}\n\
         ; Needs {descriptors} open files: LimitNOFILE={} in PgBouncer's service. With too few, clients hang without an error.\n\
         max_client_conn = {max_clients}\n; Together with net.core.somaxconn.\nlisten_backlog = 4096\n\
         ; From PgBouncer 1.21 on: statements that drivers prepare are followed to another connection.\n\
         ; max_prepared_statements = 200\n",
        descriptors.next_power_of_two()
    );
    let users = format!(
        "; The verifier as the server stores it: SELECT rolpassword FROM pg_authid WHERE rolname = '{}'\n\
         ; Never the password itself: PgBouncer would derive a verifier of it at each login, which costs many times the processor time.\n\
         \"{}\" \"SCRAM-SHA-256$4096:SALT$STORED_KEY:SERVER_KEY\"\n",
        role.replace('\'', "''"),
        role.replace('"', "\"\"")
    );
    Files { ini, users }
}
