//! `underpin.toml`, typed and with defaults.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Config {
    /// `[project]`
    pub project: ProjectConfig,
    /// `[database]`
    pub database: DatabaseConfig,
    /// `[paths]`
    pub paths: PathsConfig,
    /// `[tenancy]`
    pub tenancy: TenancyConfig,
    /// `[soft_delete]`
    pub soft_delete: SoftDeleteConfig,
    /// `[scale]`
    pub scale: ScaleConfig,
    /// `[proofs.NAME]`
    pub proofs: BTreeMap<String, ProofConfig>,
    /// `[gate]`
    pub gate: GateConfig,
}

/// `[project]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ProjectConfig {
    /// Name in reports; the folder's name when empty.
    pub name: String,
}

/// `[database]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct DatabaseConfig {
    /// Extensions that a superuser creates before the first migration.
    pub extensions: Vec<String>,
    /// Oldest major version that the project supports.
    pub min_version: Option<u32>,
    /// Role that owns the database and runs migrations; a superuser when absent.
    pub owner_role: Option<String>,
    /// Role of the application.
    pub app_role: Option<String>,
    /// Further roles that migrations grant to.
    pub roles: Vec<String>,
}

/// `[paths]`, relative to the project folder.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct PathsConfig {
    /// Numbered SQL files.
    pub migrations: String,
    /// One file; the folder of the same stem is read too.
    pub seed: String,
    /// One file.
    pub scale: String,
    /// Named queries.
    pub queries: String,
    /// Transaction scripts.
    pub transactions: String,
    /// Scenarios.
    pub scenarios: String,
    /// Invariants.
    pub invariants: String,
    /// Generated documents.
    pub evidence: String,
}

impl Default for PathsConfig {
    fn default() -> PathsConfig {
        PathsConfig {
            migrations: "migrations".to_owned(),
            seed: "seed.sql".to_owned(),
            scale: "scale.sql".to_owned(),
            queries: "queries".to_owned(),
            transactions: "transactions".to_owned(),
            scenarios: "scenarios".to_owned(),
            invariants: "invariants".to_owned(),
            evidence: "evidence".to_owned(),
        }
    }
}

/// `[tenancy]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TenancyConfig {
    /// `shared`, `schema` or `database`.
    pub model: Option<String>,
    /// Column that names the tenant, such as `tenant_id`.
    pub key: Option<String>,
    /// Setting that carries the tenant, such as `app.tenant_id`.
    pub setting: Option<String>,
}

/// `[soft_delete]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SoftDeleteConfig {
    /// Column whose value marks a row as deleted.
    pub column: Option<String>,
    /// Tables that have the column for another reason.
    pub except: Vec<String>,
}

/// `[scale]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct ScaleConfig {
    /// Value of `:scale` unless the command says otherwise.
    #[serde(rename = "default")]
    pub default_scale: u32,
    /// Rows that a table has in production, by table; what checks extrapolate to.
    pub rows: BTreeMap<String, u64>,
}

impl Default for ScaleConfig {
    fn default() -> ScaleConfig {
        ScaleConfig { default_scale: 1, rows: BTreeMap::new() }
    }
}

/// `[proofs.NAME]`: thresholds; a proof reads the keys that its page lists.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ProofConfig {
    /// `false` skips the proof.
    pub enabled: Option<bool>,
    /// Rules or objects that the project accepts, as `rule` or `rule:object`.
    pub allow: Vec<String>,
    /// Tables or columns that hold secrets, for `roles`.
    pub secret: Vec<String>,
    /// Longest duration in seconds, for proofs that have one.
    pub max_seconds: Option<u64>,
    /// Seconds of concurrent load, for proofs that drive one.
    pub load_seconds: Option<u64>,
    /// Sessions of concurrent load, for proofs that drive one.
    pub sessions: Option<u32>,
    /// Transactions per second of concurrent load, for proofs that keep a rate.
    pub rate: Option<f64>,
    /// Longest wait of a statement for a lock, in milliseconds, for proofs that measure one.
    pub budget_ms: Option<u64>,
    /// Settings of the server under which `plans` and `indexes` plan, beside those that are pinned.
    pub settings: BTreeMap<String, String>,
    /// `plans`: buffers may grow by this factor.
    pub buffers_ratio: Option<f64>,
    /// `plans`: and by this many.
    pub buffers_more: Option<f64>,
    /// `plans`: a new sequential scan of fewer rows is harmless.
    pub seq_scan_rows: Option<f64>,
    /// `plans`: and so is one that keeps more than this part.
    pub seq_scan_kept: Option<f64>,
    /// `plans`, `statistics`: a q-error below this is usual.
    pub estimate: Option<f64>,
    /// `plans`: and so is one that grew by less than this factor.
    pub estimate_ratio: Option<f64>,
    /// `plans`: and one that costs fewer buffers than this factor.
    pub estimate_buffers: Option<f64>,
    /// `plans`: temporary blocks that may appear.
    pub temp: Option<f64>,
    /// `plans`: an index that is gone may cost this factor more buffers.
    pub lost_ratio: Option<f64>,
    /// `plans`: and this many.
    pub lost_more: Option<f64>,
    /// `plans`: at four times the data, buffers may be so many times those at once.
    pub growth: Option<f64>,
    /// `indexes`: most indexes that the advisor proposes.
    pub max_indexes: Option<u32>,
    /// `indexes`: most bytes that they may have together.
    pub max_bytes: Option<u64>,
    /// `indexes`: most indexes that the advisor builds to choose from.
    pub max_candidates: Option<u32>,
}

/// `[gate]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GateConfig {
    /// `note`, `warning`, `error` or `never`; the least severity that fails a run.
    pub fail_on: Option<String>,
}
