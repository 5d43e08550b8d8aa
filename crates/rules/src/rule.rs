//! What a schema rule is, and what it may look at.

use underpin_model::Code;
use underpin_model::catalog::Catalog;
use underpin_model::config::Config;
use underpin_model::project::{Invariant, Query};

use crate::example::Example;
use crate::suspicion::Suspicion;

/// Everything that a rule may look at.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The schema.
    pub catalog: &'a Catalog,
    /// `underpin.toml`.
    pub config: &'a Config,
    /// The project's named queries.
    pub queries: &'a [Query],
    /// The project's invariants; those that recount a stored value vouch for it.
    pub invariants: &'a [Invariant],
}

impl<'a> Context<'a> {
    /// Returns the context of a schema without queries or invariants.
    pub fn new(catalog: &'a Catalog, config: &'a Config) -> Context<'a> {
        Context { catalog, config, queries: &[], invariants: &[] }
    }
}

/// One schema rule: its identity, its page, and the function that raises suspicions.
pub struct SchemaRule {
    /// Number, slug, usual severity and title.
    pub code: Code,
    /// The page `docs/codes/<rule>.md`, which `underpin explain` prints.
    pub page: &'static str,
    /// Raises the suspicions.
    pub(crate) find: fn(&Context<'_>) -> Vec<Suspicion>,
}

impl SchemaRule {
    /// Returns what the rule suspects in a schema; each suspicion is confirmed or dropped by its probe.
    pub fn suspicions(&self, context: &Context<'_>) -> Vec<Suspicion> {
        (self.find)(context)
    }

    /// Returns the bad and the good schema of the rule's page.
    pub fn example(&self) -> Example {
        Example::of_page(self.page)
    }
}
