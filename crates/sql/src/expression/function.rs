//! pgbench's functions.

/// A function and how many arguments it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function {
    name: &'static str,
    least: usize,
    most: usize,
}

/// PostgreSQL manual, "pgbench Functions".
const FUNCTIONS: &[Function] = &[
    Function { name: "abs", least: 1, most: 1 },
    Function { name: "debug", least: 1, most: 1 },
    Function { name: "double", least: 1, most: 1 },
    Function { name: "exp", least: 1, most: 1 },
    Function { name: "greatest", least: 1, most: usize::MAX },
    Function { name: "int", least: 1, most: 1 },
    Function { name: "least", least: 1, most: usize::MAX },
    Function { name: "ln", least: 1, most: 1 },
    Function { name: "mod", least: 2, most: 2 },
    Function { name: "pi", least: 0, most: 0 },
    Function { name: "pow", least: 2, most: 2 },
    Function { name: "power", least: 2, most: 2 },
    Function { name: "random", least: 2, most: 2 },
    Function { name: "random_exponential", least: 3, most: 3 },
    Function { name: "random_gaussian", least: 3, most: 3 },
    Function { name: "random_zipfian", least: 3, most: 3 },
    Function { name: "sqrt", least: 1, most: 1 },
];

/// pgbench's functions whose values depend on its random seed.
const SEEDED: &[&str] = &["hash", "hash_fnv1a", "hash_murmur2", "permute"];

/// Returns the function of this name, or what is wrong with the name.
pub(super) fn find(name: &str) -> Result<Function, String> {
    if SEEDED.contains(&name) {
        return Err(format!("`{name}` is not supported: its value depends on pgbench's own seed"));
    }
    FUNCTIONS.iter().find(|function| function.name == name).copied().ok_or_else(|| {
        let names: Vec<_> = FUNCTIONS.iter().map(|function| function.name).collect();
        format!("`{name}` is no function of pgbench; known are {}", names.join(", "))
    })
}

impl Function {
    /// Returns what is wrong with this many arguments.
    pub(super) fn check(&self, arguments: usize) -> Result<(), String> {
        if (self.least..=self.most).contains(&arguments) {
            return Ok(());
        }
        let wanted = match self.most {
            usize::MAX => format!("at least {}", self.least),
            most => most.to_string(),
        };
        Err(format!("`{}` takes {wanted} arguments, not {arguments}", self.name))
    }
}
