//! pgbench's random functions over one source of even integers.
//!
//! The distributions are those of the server's `pgbench.c` (`getExponentialRand`, `getGaussianRand`,
//! `getZipfianRand`).

use super::EvaluateError;

/// The bounds of a draw, both included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    low: i64,
    high: i64,
}

impl Range {
    pub(super) fn new(low: i64, high: i64) -> Result<Range, EvaluateError> {
        if low > high {
            return Err(EvaluateError::DrawRandom(format!("no number lies between {low} and {high}")));
        }
        match high.checked_sub(low).and_then(|width| width.checked_add(1)) {
            Some(_) => Ok(Range { low, high }),
            None => Err(EvaluateError::DrawRandom(format!("too many numbers lie between {low} and {high}"))),
        }
    }

    /// Draws a number; `function` is pgbench's name of the distribution.
    pub(super) fn draw(
        self,
        function: &str,
        parameter: Option<f64>,
        random: &mut dyn FnMut(i64, i64) -> i64,
    ) -> Result<i64, EvaluateError> {
        let within = |fits: fn(f64) -> bool, bounds: &str| {
            parameter.filter(|value| fits(*value)).ok_or_else(|| {
                EvaluateError::DrawRandom(format!("the parameter of `{function}` must be {bounds}"))
            })
        };
        let drawn = match function {
            "random" => random(self.low, self.high),
            "random_exponential" => self.at(exponential(within(|p| p > 0.0, "greater than zero")?, random)),
            "random_gaussian" => self.at(gaussian(within(|p| p >= 2.0, "at least 2")?, random)),
            "random_zipfian" => {
                let parameter = within(|p| (1.001..=1000.0).contains(&p), "between 1.001 and 1000")?;
                self.low + zipfian(self.high - self.low + 1, parameter, random) - 1
            }
            _ => return Err(EvaluateError::CallFunction(function.to_owned())),
        };
        Ok(drawn.clamp(self.low, self.high))
    }

    /// Returns the number at a fraction of the range.
    fn at(self, fraction: f64) -> i64 {
        let width = (self.high - self.low) as f64 + 1.0;
        self.low.saturating_add((width * fraction) as i64)
    }
}

/// Returns a number of [0, 1), with as many digits as a double holds.
fn unit(random: &mut dyn FnMut(i64, i64) -> i64) -> f64 {
    let steps = 1_i64 << 53;
    random(0, steps - 1) as f64 / steps as f64
}

fn exponential(parameter: f64, random: &mut dyn FnMut(i64, i64) -> i64) -> f64 {
    let cut = (-parameter).exp();
    let uniform = 1.0 - unit(random);
    -(cut + (1.0 - cut) * uniform).ln() / parameter
}

fn gaussian(parameter: f64, random: &mut dyn FnMut(i64, i64) -> i64) -> f64 {
    loop {
        // Box and Muller's method.
        let (radius, angle) = (1.0 - unit(random), unit(random));
        let deviation = (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).sin();
        if (-parameter..parameter).contains(&deviation) {
            return (deviation + parameter) / (parameter * 2.0);
        }
    }
}

/// Devroye, "Non-Uniform Random Variate Generation", p. 550.
fn zipfian(count: i64, parameter: f64, random: &mut dyn FnMut(i64, i64) -> i64) -> i64 {
    let b = 2.0_f64.powf(parameter - 1.0);
    loop {
        let (u, v) = (1.0 - unit(random), unit(random));
        let x = u.powf(-1.0 / (parameter - 1.0)).floor();
        let t = (1.0 + 1.0 / x).powf(parameter - 1.0);
        if v * x * (t - 1.0) / (b - 1.0) <= t / b && x <= count as f64 {
            return x as i64;
        }
    }
}
