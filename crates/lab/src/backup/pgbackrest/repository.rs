//! Where pgBackRest keeps backups, and the words that it wants to be told this in.

use camino::{Utf8Path, Utf8PathBuf};
use underpin_pg::Secret;

use crate::backup::BackupError;

/// A repository of backups.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Where it lies.
    pub storage: Storage,
    /// Passphrase of the encryption (AES-256-CBC); none for a repository in clear.
    pub passphrase: Option<Secret>,
    /// pgBackRest's name for the server whose backups these are.
    pub stanza: String,
}

/// Where a repository lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// A folder that the server's user may write to.
    Folder(Utf8PathBuf),
    /// S3, or what speaks its protocol over TLS.
    S3(Box<Bucket>),
}

/// A place in S3-compatible storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Name of the bucket.
    pub bucket: String,
    /// Folder inside, with a slash in front.
    pub prefix: String,
    /// Host of the service.
    pub host: String,
    /// Its port; 443 when absent.
    pub port: Option<u16>,
    /// Whether the bucket stands behind the host (path) or before it (host), as Amazon's own service wants it.
    pub style: &'static str,
    /// Region.
    pub region: String,
    /// File of certificates to trust; the system's when absent.
    pub ca_file: Option<Utf8PathBuf>,
    /// Key id.
    pub key: Secret,
    /// Secret key.
    pub secret: Secret,
    /// Token of a session.
    pub token: Option<Secret>,
}

/// The standard `AWS_*` environment variables, as far as they matter here.
#[derive(Clone, Debug, Default)]
pub struct Aws {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Option<String>,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<Secret>,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<Secret>,
    /// `AWS_REGION`, or `AWS_DEFAULT_REGION`.
    pub region: Option<String>,
    /// `AWS_ENDPOINT_URL_S3`, or `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
    /// `AWS_CA_BUNDLE`.
    pub ca_bundle: Option<String>,
}

fn refused(what: String, next: &'static str) -> BackupError {
    BackupError::Refused { what, next }
}

impl Storage {
    /// Reads `s3://bucket/prefix`, or a folder; a relative one counts from `here`.
    pub fn parse(text: &str, here: &Utf8Path, aws: &Aws) -> Result<Storage, BackupError> {
        let Some(rest) = text.strip_prefix("s3://") else {
            return match text.split_once("://") {
                Some((scheme, _)) => Err(refused(
                    format!("{text}: storage of the kind {scheme} is not known"),
                    "Name a folder, or s3://BUCKET/PREFIX.",
                )),
                None => Ok(Storage::Folder(here.join(text))),
            };
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(refused(format!("{text} names no bucket"), "Write s3://BUCKET/PREFIX."));
        }
        let lacks = |name: &str| {
            refused(
                format!("{text} needs {name} in the environment"),
                "Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, and AWS_ENDPOINT_URL_S3 for another service than Amazon's.",
            )
        };
        let region = aws.region.clone().ok_or_else(|| lacks("AWS_REGION"))?;
        let key = aws.access_key_id.as_deref().map(Secret::new).ok_or_else(|| lacks("AWS_ACCESS_KEY_ID"))?;
        let secret = aws.secret_access_key.clone().ok_or_else(|| lacks("AWS_SECRET_ACCESS_KEY"))?;
        let (host, port, style) = match &aws.endpoint_url {
            Some(url) => endpoint(url)?,
            None => (format!("s3.{region}.amazonaws.com"), None, "host"),
        };
        Ok(Storage::S3(Box::new(Bucket {
            bucket: bucket.to_owned(),
            prefix: format!("/{}", prefix.trim_matches('/')),
            host,
            port,
            style,
            region,
            ca_file: aws.ca_bundle.as_ref().map(|file| here.join(file)),
            key,
            secret,
            token: aws.session_token.clone(),
        })))
    }

    fn words(&self) -> String {
        match self {
            Storage::Folder(folder) => folder.to_string(),
            Storage::S3(bucket) => format!("s3://{}{}", bucket.bucket, bucket.prefix),
        }
    }
}

/// Reads the address of a service: host, port, and how buckets are named there.
fn endpoint(url: &str) -> Result<(String, Option<u16>, &'static str), BackupError> {
    let Some(rest) = url.strip_prefix("https://") else {
        return Err(refused(
            format!("the endpoint {url} is not one over TLS, and pgBackRest speaks to no other"),
            "Give AWS_ENDPOINT_URL_S3=https://HOST:PORT, and the service's own certificate in AWS_CA_BUNDLE.",
        ));
    };
    let place = rest.split('/').next().unwrap_or_default();
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (place, None),
    };
    let port = port.map(str::parse).transpose().map_err(|_| {
        refused(format!("{url} has no port that is a number"), "Write AWS_ENDPOINT_URL_S3=https://HOST:PORT.")
    })?;
    let style = if host.ends_with(".amazonaws.com") { "host" } else { "path" };
    Ok((host.to_owned(), port, style))
}

impl Repository {
    /// Returns where it is, for messages.
    pub fn place(&self) -> String {
        self.storage.words()
    }

    /// Returns the options that are no secret.
    pub(super) fn options(&self) -> Vec<String> {
        let stanza = format!("--stanza={}", self.stanza);
        let settings = self.settings().into_iter().map(|(name, value)| format!("--{name}={value}"));
        std::iter::once(stanza).chain(settings).collect()
    }

    /// Returns the variables for what is secret.
    pub(super) fn secrets(&self) -> Vec<(String, Secret)> {
        let variable = |name: &str| format!("PGBACKREST_{}", name.to_uppercase().replace('-', "_"));
        self.secret_settings().into_iter().map(|(name, value)| (variable(name), value)).collect()
    }

    /// Returns the text of a configuration file for the server whose data folder this is, secrets included.
    pub(super) fn config(&self, data: &Utf8Path) -> String {
        let mut lines = vec![
            "# Written by underpin backup --write-config for the server's archive_command. Holds secrets."
                .to_owned(),
            "[global]".to_owned(),
        ];
        lines.extend(self.settings().into_iter().map(|(name, value)| format!("{name}={value}")));
        let secrets = self.secret_settings().into_iter();
        lines.extend(secrets.map(|(name, value)| format!("{name}={}", value.reveal())));
        lines.push(format!("log-level-file=off\n\n[{}]\npg1-path={data}\n", self.stanza));
        lines.join("\n")
    }

    /// The error of a repository whose index cannot be read.
    pub(super) fn unreadable(&self) -> BackupError {
        match self.passphrase {
            Some(_) => refused(
                format!(
                    "the repository {} cannot be read with this passphrase, or it is not encrypted at all",
                    self.place()
                ),
                "Check UNDERPIN_BACKUP_PASSPHRASE; leave --encrypt out if the repository is in clear.",
            ),
            None => refused(
                format!(
                    "the index of the repository {} is not readable as it is: it is encrypted, or damaged",
                    self.place()
                ),
                "Add --encrypt, with the passphrase in UNDERPIN_BACKUP_PASSPHRASE.",
            ),
        }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = match &self.storage {
            Storage::Folder(folder) => vec![("repo1-path", folder.to_string())],
            Storage::S3(bucket) => bucket.settings(),
        };
        if self.passphrase.is_some() {
            settings.push(("repo1-cipher-type", "aes-256-cbc".to_owned()));
        }
        settings
    }

    fn secret_settings(&self) -> Vec<(&'static str, Secret)> {
        let mut secrets = Vec::new();
        if let Storage::S3(bucket) = &self.storage {
            secrets.push(("repo1-s3-key", bucket.key.clone()));
            secrets.push(("repo1-s3-key-secret", bucket.secret.clone()));
            secrets.extend(bucket.token.clone().map(|token| ("repo1-s3-token", token)));
        }
        secrets.extend(self.passphrase.clone().map(|passphrase| ("repo1-cipher-pass", passphrase)));
        secrets
    }
}

impl Bucket {
    fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("repo1-type", "s3".to_owned()),
            ("repo1-path", self.prefix.clone()),
            ("repo1-s3-bucket", self.bucket.clone()),
            ("repo1-s3-endpoint", self.host.clone()),
            ("repo1-s3-region", self.region.clone()),
            ("repo1-s3-uri-style", self.style.to_owned()),
        ];
        settings.extend(self.port.map(|port| ("repo1-storage-port", port.to_string())));
        settings.extend(self.ca_file.as_ref().map(|file| ("repo1-storage-ca-file", file.to_string())));
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws() -> Aws {
        Aws {
            access_key_id: Some("AKIA".to_owned()),
            secret_access_key: Some(Secret::new("hidden")),
            region: Some("eu-central-1".to_owned()),
            ..Aws::default()
        }
    }

    fn repository(text: &str, aws: &Aws) -> Repository {
        Repository {
            storage: Storage::parse(text, "/here".into(), aws).unwrap(),
            passphrase: Some(Secret::new("open sesame")),
            stanza: "main".to_owned(),
        }
    }

    #[test]
    fn secrets_are_no_options() {
        let repository = repository("s3://backups/shop/", &aws());
        let options = repository.options().join(" ");
        insta::assert_snapshot!(options, @"--stanza=main --repo1-type=s3 --repo1-path=/shop --repo1-s3-bucket=backups --repo1-s3-endpoint=s3.eu-central-1.amazonaws.com --repo1-s3-region=eu-central-1 --repo1-s3-uri-style=host --repo1-cipher-type=aes-256-cbc");
        let names: Vec<String> = repository.secrets().into_iter().map(|(name, _)| name).collect();
        insta::assert_snapshot!(names.join(" "), @"PGBACKREST_REPO1_S3_KEY PGBACKREST_REPO1_S3_KEY_SECRET PGBACKREST_REPO1_CIPHER_PASS");
        let printed = format!("{repository:?}");
        assert!(!printed.contains("hidden") && !printed.contains("sesame"), "{printed}");
        let config = repository.config("/data".into());
        assert!(
            config.contains("repo1-cipher-pass=open sesame\n")
                && config.ends_with("[main]\npg1-path=/data\n")
        );
    }

    #[test]
    fn other_services_are_named_by_path() {
        let aws = Aws { endpoint_url: Some("https://127.0.0.1:9000/".to_owned()), ..aws() };
        let options = repository("s3://backups", &aws).options().join(" ");
        assert!(options.contains("--repo1-path=/ "), "{options}");
        assert!(options.contains("--repo1-s3-endpoint=127.0.0.1 "), "{options}");
        assert!(options.contains("--repo1-s3-uri-style=path --repo1-storage-port=9000"), "{options}");
        assert_eq!(repository("folder", &aws).place(), "/here/folder");
    }

    #[test]
    fn what_is_missing_is_named() {
        let told = |text: &str, aws: &Aws| Storage::parse(text, "/".into(), aws).unwrap_err().to_string();
        assert_eq!(told("s3://b/p", &Aws::default()), "s3://b/p needs AWS_REGION in the environment");
        let keyless = Aws { secret_access_key: None, ..aws() };
        assert_eq!(told("s3://b/p", &keyless), "s3://b/p needs AWS_SECRET_ACCESS_KEY in the environment");
        assert_eq!(told("s3:///p", &aws()), "s3:///p names no bucket");
        assert_eq!(told("gs://b/p", &aws()), "gs://b/p: storage of the kind gs is not known");
        let plain = Aws { endpoint_url: Some("http://localhost:9000".to_owned()), ..aws() };
        assert!(told("s3://b", &plain).contains("is not one over TLS"));
    }
}
