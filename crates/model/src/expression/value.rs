//! pgbench's values: their text, their coercions and their operators.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value of a script's variable or expression.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is pgbench's type itself")]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvaluateError {
    /// The variable is not set.
    ReadVariable(String),
    /// The text of a variable is no value that expressions can count with.
    ReadText(String),
    /// A value has a type that the operator or function does not take: the value, the wanted type.
    Coerce(String, &'static str),
    /// The result is beyond a 64-bit integer.
    Overflow(String),
    /// The divisor is zero.
    DivideByZero,
    /// The bounds or the parameter of a random function are out of their range.
    DrawRandom(String),
    /// The function or operator is not known.
    CallFunction(String),
}

impl fmt::Display for EvaluateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EvaluateError::ReadVariable(name) => write!(f, "the variable `:{name}` is not set"),
            EvaluateError::ReadText(text) => write!(f, "`{text}` is no number, boolean or null"),
            EvaluateError::Coerce(value, wanted) => write!(f, "`{value}` is no {wanted}"),
            EvaluateError::Overflow(operator) => {
                write!(f, "the result of `{operator}` is beyond a 64-bit integer")
            }
            EvaluateError::DivideByZero => write!(f, "division by zero"),
            EvaluateError::DrawRandom(reason) => write!(f, "{reason}"),
            EvaluateError::CallFunction(name) => write!(f, "`{name}` is not known"),
        }
    }
}

impl std::error::Error for EvaluateError {}

impl Value {
    /// Returns the value that the text of a variable stands for, as pgbench's `makeVariableValue` reads it.
    ///
    /// `null`, then `true`, `yes` and `on` and their opposites with the abbreviations of PostgreSQL,
    /// then an integer, then a double.
    pub fn from_text(text: &str) -> Result<Value, EvaluateError> {
        let lower = text.to_ascii_lowercase();
        let begins = |word: &str| !lower.is_empty() && word.starts_with(&lower);
        if lower == "null" {
            return Ok(Value::Null);
        }
        if begins("true") || begins("yes") || lower == "on" {
            return Ok(Value::Boolean(true));
        }
        if begins("false") || begins("no") || lower == "off" || lower == "of" {
            return Ok(Value::Boolean(false));
        }
        let trimmed = text.trim();
        let numeric = trimmed.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        let integer = trimmed.parse().ok().map(Value::Integer);
        let double = || trimmed.parse().ok().filter(|d: &f64| d.is_finite() && numeric).map(Value::Double);
        integer.or_else(double).ok_or_else(|| EvaluateError::ReadText(text.to_owned()))
    }

    /// Returns the text that a variable gets.
    pub fn to_text(&self) -> String {
        match self {
            Value::Null => "NULL".to_owned(),
            Value::Boolean(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Double(value) => double_text(*value),
        }
    }

    /// Returns whether `\if` and CASE take the value for true: true, or a number other than zero.
    pub fn truth(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Boolean(value) => *value,
            Value::Integer(value) => *value != 0,
            Value::Double(value) => *value != 0.0,
        }
    }

    pub(super) fn boolean(&self) -> Result<bool, EvaluateError> {
        match self {
            Value::Boolean(value) => Ok(*value),
            _ => Err(EvaluateError::Coerce(self.to_text(), "boolean")),
        }
    }

    /// Returns the value as an integer; a double is rounded, halves to the even number.
    pub(super) fn integer(&self) -> Result<i64, EvaluateError> {
        match self {
            Value::Integer(value) => Ok(*value),
            Value::Double(value) => {
                let rounded = value.round_ties_even();
                // 2^63 is the first double beyond; -2^63 is the least integer itself.
                let bound = 9_223_372_036_854_775_808.0;
                if rounded >= -bound && rounded < bound {
                    return Ok(rounded as i64);
                }
                Err(EvaluateError::Overflow("int".to_owned()))
            }
            _ => Err(EvaluateError::Coerce(self.to_text(), "integer")),
        }
    }

    pub(super) fn double(&self) -> Result<f64, EvaluateError> {
        match self {
            Value::Integer(value) => Ok(*value as f64),
            Value::Double(value) => Ok(*value),
            _ => Err(EvaluateError::Coerce(self.to_text(), "double")),
        }
    }

    pub(super) fn not(&self) -> Result<Value, EvaluateError> {
        match self {
            Value::Null => Ok(Value::Null),
            value => value.boolean().map(|value| Value::Boolean(!value)),
        }
    }

    pub(super) fn absolute(&self) -> Result<Value, EvaluateError> {
        match self {
            Value::Double(value) => Ok(Value::Double(value.abs())),
            value => {
                let value = value.integer()?;
                value
                    .checked_abs()
                    .map(Value::Integer)
                    .ok_or_else(|| EvaluateError::Overflow("abs".to_owned()))
            }
        }
    }

    /// Returns `self operator other`; NULL when either is NULL.
    pub(super) fn binary(self, operator: &str, other: Value) -> Result<Value, EvaluateError> {
        let bits = matches!(operator, "%" | "&" | "|" | "#" | "<<" | ">>");
        match (self, other) {
            (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
            (Value::Double(_), _) | (_, Value::Double(_)) if !bits => {
                on_doubles(operator, self.double()?, other.double()?)
            }
            _ => on_integers(operator, self.integer()?, other.integer()?),
        }
    }
}

/// Prints a double with 15 significant digits, as C's `%.15g` does.
fn double_text(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string().to_lowercase();
    }
    let scientific = format!("{value:.14e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..15).contains(&exponent) {
        let precision = (14 - exponent).max(0) as usize;
        return trim(&format!("{value:.precision$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(digits), exponent.abs())
}

fn on_doubles(operator: &str, left: f64, right: f64) -> Result<Value, EvaluateError> {
    Ok(match operator {
        "+" => Value::Double(left + right),
        "-" => Value::Double(left - right),
        "*" => Value::Double(left * right),
        "/" => Value::Double(left / right),
        _ => return compared(operator, left.partial_cmp(&right)),
    })
}

fn on_integers(operator: &str, left: i64, right: i64) -> Result<Value, EvaluateError> {
    let result = match operator {
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" | "%" if right == 0 => return Err(EvaluateError::DivideByZero),
        "/" => left.checked_div(right),
        "%" => Some(left.wrapping_rem(right)),
        "&" => Some(left & right),
        "|" => Some(left | right),
        "#" => Some(left ^ right),
        // The shift counts as the processor counts it, modulo 64, as in pgbench.
        "<<" => Some(left.wrapping_shl(right as u32)),
        ">>" => Some(left.wrapping_shr(right as u32)),
        _ => return compared(operator, Some(left.cmp(&right))),
    };
    result.map(Value::Integer).ok_or_else(|| EvaluateError::Overflow(operator.to_owned()))
}

fn compared(operator: &str, ordering: Option<std::cmp::Ordering>) -> Result<Value, EvaluateError> {
    let holds = |wanted: fn(std::cmp::Ordering) -> bool| Value::Boolean(ordering.is_some_and(wanted));
    Ok(match operator {
        "=" => holds(std::cmp::Ordering::is_eq),
        "<>" => Value::Boolean(!ordering.is_some_and(std::cmp::Ordering::is_eq)),
        "<" => holds(std::cmp::Ordering::is_lt),
        "<=" => holds(std::cmp::Ordering::is_le),
        ">" => holds(std::cmp::Ordering::is_gt),
        ">=" => holds(std::cmp::Ordering::is_ge),
        _ => return Err(EvaluateError::CallFunction(operator.to_owned())),
    })
}

/// Returns the least or greatest of the values: a double as soon as one of them is.
pub(super) fn extreme(
    values: &[Value],
    integers: fn(i64, i64) -> i64,
    doubles: fn(f64, f64) -> f64,
) -> Result<Value, EvaluateError> {
    let none = || EvaluateError::CallFunction("least".to_owned());
    if values.iter().any(|value| matches!(value, Value::Double(_))) {
        let values: Result<Vec<_>, _> = values.iter().map(Value::double).collect();
        values?.into_iter().reduce(doubles).map(Value::Double).ok_or_else(none)
    } else {
        let values: Result<Vec<_>, _> = values.iter().map(Value::integer).collect();
        values?.into_iter().reduce(integers).map(Value::Integer).ok_or_else(none)
    }
}
