//! Expressions of transaction scripts: the subset of pgbench's that decides and counts.
//!
//! See the PostgreSQL manual, "pgbench: Meta Commands" and "Built-In Operators". Evaluation follows
//! `evaluateExpr` in the server's `pgbench.c`.

mod random;
mod value;

use serde::{Deserialize, Serialize};

pub use value::{EvaluateError, Value};

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the form itself")]
pub enum Expression {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Variable(String),
    /// `-`, `~` or `not`.
    Unary(String, Box<Expression>),
    Binary(String, Box<Expression>, Box<Expression>),
    /// `x IS [NOT] NULL|TRUE|FALSE`: the operand, the word, whether negated.
    Is(Box<Expression>, String, bool),
    /// `CASE WHEN … THEN … ELSE … END`.
    Case(Vec<(Expression, Expression)>, Option<Box<Expression>>),
    /// A function's name in lower case.
    Call(String, Vec<Expression>),
}

/// What an evaluation may ask for.
struct Surroundings<'a> {
    variables: &'a dyn Fn(&str) -> Option<Value>,
    random: &'a mut dyn FnMut(i64, i64) -> i64,
}

impl Expression {
    /// Returns the value of the expression.
    ///
    /// `variables` gives the value of a variable, `None` when it is not set. `random` draws an
    /// integer between its two arguments, both included, each as likely.
    pub fn evaluate(
        &self,
        variables: &dyn Fn(&str) -> Option<Value>,
        random: &mut dyn FnMut(i64, i64) -> i64,
    ) -> Result<Value, EvaluateError> {
        self.value(&mut Surroundings { variables, random })
    }

    /// Returns the names of the variables that the expression uses, in order, repetitions included.
    pub fn variables(&self) -> Vec<&str> {
        match self {
            Expression::Variable(name) => vec![name.as_str()],
            Expression::Unary(_, operand) | Expression::Is(operand, _, _) => operand.variables(),
            Expression::Binary(_, left, right) => [left.variables(), right.variables()].concat(),
            Expression::Case(branches, otherwise) => branches
                .iter()
                .flat_map(|(when, then)| [when, then])
                .chain(otherwise.as_deref())
                .flat_map(Expression::variables)
                .collect(),
            Expression::Call(_, arguments) => arguments.iter().flat_map(Expression::variables).collect(),
            _ => Vec::new(),
        }
    }

    fn value(&self, around: &mut Surroundings<'_>) -> Result<Value, EvaluateError> {
        Ok(match self {
            Expression::Null => Value::Null,
            Expression::Boolean(value) => Value::Boolean(*value),
            Expression::Integer(value) => Value::Integer(*value),
            Expression::Double(value) => Value::Double(*value),
            Expression::Variable(name) => {
                (around.variables)(name).ok_or_else(|| EvaluateError::ReadVariable(name.clone()))?
            }
            Expression::Unary(operator, operand) => {
                let operand = operand.value(around)?;
                match operator.as_str() {
                    "not" => operand.not()?,
                    "~" => operand.binary("#", Value::Integer(-1))?,
                    _ => Value::Integer(0).binary("-", operand)?,
                }
            }
            Expression::Binary(operator, left, right) if operator == "and" || operator == "or" => {
                connect(operator, [left.as_ref(), right.as_ref()], around)?
            }
            Expression::Binary(operator, left, right) => {
                left.value(around)?.binary(operator, right.value(around)?)?
            }
            Expression::Is(operand, word, negated) => {
                let operand = operand.value(around)?;
                let holds = match word.as_str() {
                    "null" => operand == Value::Null,
                    word => operand == Value::Boolean(word == "true"),
                };
                Value::Boolean(holds != *negated)
            }
            Expression::Case(branches, otherwise) => {
                for (when, then) in branches {
                    if when.value(around)?.truth() {
                        return then.value(around);
                    }
                }
                otherwise.as_ref().map_or(Ok(Value::Null), |otherwise| otherwise.value(around))?
            }
            Expression::Call(name, arguments) => {
                let arguments: Result<Vec<_>, _> = arguments.iter().map(|a| a.value(around)).collect();
                call(name, &arguments?, around)?
            }
        })
    }
}

/// Returns `left AND right` or `left OR right`, the right side only evaluated when it matters.
///
/// Other than in SQL, NULL on the left is NULL whatever stands on the right.
fn connect(
    operator: &str,
    [left, right]: [&Expression; 2],
    around: &mut Surroundings<'_>,
) -> Result<Value, EvaluateError> {
    let or = operator == "or";
    for operand in [left, right] {
        match operand.value(around)? {
            Value::Null => return Ok(Value::Null),
            operand if operand.boolean()? == or => return Ok(Value::Boolean(or)),
            _ => {}
        }
    }
    Ok(Value::Boolean(!or))
}

fn call(name: &str, arguments: &[Value], around: &mut Surroundings<'_>) -> Result<Value, EvaluateError> {
    if arguments.contains(&Value::Null) {
        return Ok(Value::Null);
    }
    Ok(match (name, arguments) {
        ("pi", []) => Value::Double(std::f64::consts::PI),
        ("debug", [value]) => *value,
        ("abs", [value]) => value.absolute()?,
        ("int", [value]) => Value::Integer(value.integer()?),
        ("double", [value]) => Value::Double(value.double()?),
        ("sqrt", [value]) => Value::Double(value.double()?.sqrt()),
        ("ln", [value]) => Value::Double(value.double()?.ln()),
        ("exp", [value]) => Value::Double(value.double()?.exp()),
        ("pow" | "power", [base, exponent]) => Value::Double(base.double()?.powf(exponent.double()?)),
        ("mod", [left, right]) => left.binary("%", *right)?,
        ("least", _) => value::extreme(arguments, i64::min, f64::min)?,
        ("greatest", _) => value::extreme(arguments, i64::max, f64::max)?,
        (_, [low, high, parameter @ ..]) if name.starts_with("random") => {
            let range = random::Range::new(low.integer()?, high.integer()?)?;
            let parameter = parameter.first().map(Value::double).transpose()?;
            Value::Integer(range.draw(name, parameter, around.random)?)
        }
        _ => return Err(EvaluateError::CallFunction(name.to_owned())),
    })
}
