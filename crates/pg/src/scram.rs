//! SCRAM-SHA-256 as PostgreSQL speaks it (RFC 5802, RFC 7677; manual, "SASL Authentication").
//!
//! The driver derives a key of its password at each login, 8 192 rounds of SHA-256. In production these are spread over as
//! many machines as there are clients; here all clients are one process, and would measure mostly themselves. So the key is
//! derived once per password and salt, which is what RFC 5802 section 5.1 proposes to clients.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::secret::Secret;

/// The mechanism's name in the protocol.
pub(crate) const MECHANISM: &str = "SCRAM-SHA-256";

/// PostgreSQL's number of rounds (`SCRAM_SHA_256_DEFAULT_ITERATIONS`).
const ROUNDS: u32 = 4096;

/// More rounds than anybody asks for; a server must not keep us busy for hours.
const MOST_ROUNDS: u32 = 1_000_000;

type Key = [u8; 32];

/// A password, and the key that was derived from it last.
#[derive(Debug)]
pub(crate) struct Password {
    text: Secret,
    derived: Mutex<Option<(Vec<u8>, u32, Key)>>,
}

/// A login under way: what was sent and received so far.
pub(crate) struct Exchange<'a> {
    password: &'a Password,
    nonce: String,
    expected: Option<Key>,
}

/// What went wrong in a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScramFault {
    /// A message does not read as the protocol says.
    #[error("the server's SCRAM message cannot be read")]
    Read,
    /// The server does not know the password either.
    #[error("the server could not prove that it knows the password")]
    Server,
}

impl Password {
    pub(crate) fn new(text: Secret) -> Password {
        Password { text, derived: Mutex::new(None) }
    }

    fn key(&self, salt: &[u8], rounds: u32) -> Key {
        let mut derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        match derived.as_ref() {
            Some((known, of, key)) if known == salt && *of == rounds => *key,
            _ => {
                let key = derive(self.text.reveal().as_bytes(), salt, rounds);
                *derived = Some((salt.to_vec(), rounds, key));
                key
            }
        }
    }
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(password: &'a Password) -> Exchange<'a> {
        let draw = || RandomState::new().hash_one(std::time::Instant::now());
        Exchange { password, nonce: format!("{:016x}{:016x}", draw(), draw()), expected: None }
    }

    /// Returns the first message.
    pub(crate) fn first(&self) -> String {
        format!("n,,n=,r={}", self.nonce)
    }

    /// Returns the answer to the server's first message.
    pub(crate) fn answer(&mut self, server_first: &str) -> Result<String, ScramFault> {
        let field = |name: &str| {
            server_first.split(',').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        let nonce = field("r").filter(|nonce| nonce.starts_with(&self.nonce)).ok_or(ScramFault::Read)?;
        let salt = field("s").and_then(|text| STANDARD.decode(text).ok()).ok_or(ScramFault::Read)?;
        let rounds = field("i").and_then(|text| text.parse().ok()).ok_or(ScramFault::Read)?;
        if !(1..=MOST_ROUNDS).contains(&rounds) {
            return Err(ScramFault::Read);
        }
        let key = self.password.key(&salt, rounds);
        let unproven = format!("c=biws,r={nonce}");
        let said = format!("n=,r={},{server_first},{unproven}", self.nonce);
        let client_key = sign(&key, b"Client Key");
        let signature = sign(&Sha256::digest(client_key).into(), said.as_bytes());
        let mut proof = client_key;
        proof.iter_mut().zip(signature).for_each(|(byte, other)| *byte ^= other);
        self.expected = Some(sign(&sign(&key, b"Server Key"), said.as_bytes()));
        Ok(format!("{unproven},p={}", STANDARD.encode(proof)))
    }

    /// Checks the server's last message.
    pub(crate) fn check(&self, server_final: &str) -> Result<(), ScramFault> {
        let signature = server_final.strip_prefix("v=").and_then(|text| STANDARD.decode(text.trim()).ok());
        match (signature, &self.expected) {
            (Some(signature), Some(expected)) if signature == expected => Ok(()),
            _ => Err(ScramFault::Server),
        }
    }
}

/// Returns what PostgreSQL stores of a password, for `pg_authid` or PgBouncer's `auth_file`.
pub(crate) fn verifier(password: &str) -> String {
    let salt: [u8; 16] = {
        let draw = || RandomState::new().hash_one(std::time::Instant::now()).to_be_bytes();
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&draw());
        salt[8..].copy_from_slice(&draw());
        salt
    };
    let key = derive(password.as_bytes(), &salt, ROUNDS);
    let stored: Key = Sha256::digest(sign(&key, b"Client Key")).into();
    let server = sign(&key, b"Server Key");
    let [salt, stored, server] = [&salt[..], &stored, &server].map(|bytes| STANDARD.encode(bytes));
    format!("{MECHANISM}${ROUNDS}:{salt}${stored}:{server}")
}

/// PBKDF2 with one block (RFC 8018).
fn derive(password: &[u8], salt: &[u8], rounds: u32) -> Key {
    let mut previous = sign_any(password, &[salt, &[0, 0, 0, 1]]);
    let mut key = previous;
    for _ in 1..rounds {
        previous = sign_any(password, &[&previous]);
        key.iter_mut().zip(previous).for_each(|(byte, other)| *byte ^= other);
    }
    key
}

fn sign(key: &Key, text: &[u8]) -> Key {
    sign_any(key, &[text])
}

fn sign_any(key: &[u8], pieces: &[&[u8]]) -> Key {
    // HMAC takes keys of any length; the type only allows for algorithms that do not.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    pieces.iter().for_each(|piece| mac.update(piece));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677, section 3; PostgreSQL leaves the user's name out of it.
    #[test]
    fn keys_are_those_of_the_rfc() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let key = derive(b"pencil", &salt, 4096);
        let said = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
                    r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
                    c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = sign(&sign(&key, b"Server Key"), said.as_bytes());
        assert_eq!(STANDARD.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_refused() {
        let password = Password::new(Secret::new("secret"));
        let mut exchange = Exchange::new(&password);
        let first = format!("r={}x,s=AAAA,i=1", exchange.nonce);
        assert!(exchange.answer(&first).unwrap().starts_with("c=biws,r="));
        assert_eq!(exchange.check("v=AAAA"), Err(ScramFault::Server));
        assert_eq!(exchange.answer("r=other,s=AAAA,i=1"), Err(ScramFault::Read));
        assert_eq!(exchange.answer(&first.replace("i=1", "i=99999999")), Err(ScramFault::Read));
    }
}
