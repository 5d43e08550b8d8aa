//! Secrets that whoever reads the table, or a backup of it, can use.

use underpin_model::{Code, Severity};

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP141", "secret-in-clear", "secrets stored in clear"),
    page: include_str!("../../../../docs/codes/secret-in-clear.md"),
    find: suspicions,
};

/// Beginnings of password hashes and of ciphertexts: bcrypt, argon2, scrypt, PBKDF2, crypt(3), SCRAM, LDAP,
/// Vault, PGP, KMS.
const PROTECTED: &str = r"^(\$2[abxy]\$|\$argon2|\$scrypt|\$pbkdf2|\$7\$|\$[156y]\$|pbkdf2[_:]|scrypt:|argon2|bcrypt|SCRAM-SHA|\{S?SHA|vault:v|enc:|-----BEGIN PGP MESSAGE|AQICAH|\\x[0-9a-f]{40})";

/// A digest in hexadecimal or Base64: 160 bits or more.
const DIGEST: &str = "^([0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128}|[A-Za-z0-9+/_-]{43}=?|[A-Za-z0-9+/_-]{86}(==)?)$";

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context.text_fields().filter_map(|field| Some(suspicion(field, kind(field.name())?))).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Chosen by a person and tried elsewhere: only a slow hash protects it.
    Password,
    /// Opens something as it is.
    Key,
    /// Random, and often short-lived.
    Token,
}

/// Returns what kind of secret the name means, if any.
fn kind(name: &str) -> Option<Kind> {
    const ABOUT: [&str; 22] = [
        "hint",
        "at",
        "id",
        "type",
        "prefix",
        "last4",
        "count",
        "expires",
        "expiry",
        "policy",
        "version",
        "algorithm",
        "salt",
        "status",
        "name",
        "url",
        "public",
        "device",
        "push",
        "page",
        "csrf",
        "idempotency",
    ];
    const PASSWORDS: [&str; 6] = ["password", "passwd", "pwd", "passphrase", "passcode", "passwordhash"];
    const KEYS: [&str; 8] =
        ["secret", "api_key", "apikey", "private_key", "access_key", "cvv", "cvc", "card_number"];
    let has = |list: &[&str]| {
        list.iter().any(|word| format!("_{}_", names::words(name).join("_")).contains(&format!("_{word}_")))
    };
    match () {
        () if has(&ABOUT) => None,
        () if has(&PASSWORDS) => Some(Kind::Password),
        () if has(&["ciphertext", "encrypted", "hash", "digest", "sha256", "hmac", "fingerprint"]) => None,
        () if has(&KEYS) => Some(Kind::Key),
        () if has(&["token"]) => Some(Kind::Token),
        () => None,
    }
}

fn suspicion(field: Field<'_>, kind: Kind) -> Suspicion {
    let column = field.quoted();
    // A bare digest hides a random key, but a person's password is found in it by trying.
    let safe = match kind {
        Kind::Password => format!("v ~ '{PROTECTED}'"),
        Kind::Key | Kind::Token => format!("v ~ '{PROTECTED}' OR v ~ '{DIGEST}'"),
    };
    let sql = format!(
        "SELECT count(*) AS stored, count(*) FILTER (WHERE NOT ({safe})) AS clear, \
         count(*) FILTER (WHERE v ~* '^[0-9a-f]{{32,}}$') AS digests \
         FROM (SELECT {column}::text AS v FROM {} WHERE {column} IS NOT NULL AND {column} <> '' LIMIT 100000) s",
        field.table.quoted()
    );
    let hint = match kind {
        Kind::Password => {
            "store only what argon2id or bcrypt gives, keep it so by a CHECK on its first characters, and \
             have every password set anew."
        }
        Kind::Key | Kind::Token => {
            "store sha256 of it (and a short prefix to recognise it), compare digests, and issue every one \
             anew."
        }
    };
    let label = field.label();
    let draft = field.draft(&RULE.code).rated((kind == Kind::Token).then_some(Severity::Warning)).hint(hint);
    Suspicion::new(draft, sql, move |answer, draft| {
        let clear = answer.int("clear");
        let digests = answer.int("digests").min(clear);
        let how = if digests == clear { "behind a fast, unsalted digest only" } else { "in clear" };
        let fact = format!(
            "{label} keeps {} of {} {how}: whoever reads one backup, log or replica can use them.",
            grouped(clear),
            counted(answer.int("stored"), "value")
        );
        (clear > 0).then(|| draft.saying(fact))
    })
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind};

    #[test]
    fn names_about_a_secret_are_none() {
        assert!(kind("password") == Some(Kind::Password) && kind("password_hash") == Some(Kind::Password));
        assert!(kind("stripe_api_key") == Some(Kind::Key) && kind("refresh_token") == Some(Kind::Token));
        for name in [
            "password_changed_at",
            "token_hash",
            "api_key_id",
            "secret_name",
            "tokens",
            "device_token",
            "title",
        ] {
            assert!(kind(name).is_none(), "{name}");
        }
    }
}
