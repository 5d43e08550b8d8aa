//! The grammar of pgbench's expressions.
//!
//! PostgreSQL manual, "pgbench": `\set`, and "Built-In Operators" for the precedences, which are those
//! of the server's `exprparse.y`.

mod function;
mod token;

use underpin_model::expression::Expression;

use token::{Lexeme, Lexemes};

/// A text that is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong.
    pub message: String,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Returns the expression in `text`.
///
/// `a > b` and the like stay as written; `!=` becomes `<>`, and `ISNULL` and `NOTNULL` become `IS
/// NULL` and `IS NOT NULL`.
pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
    let mut parser = Parser { lexemes: Lexemes::read(text)?, depth: 0 };
    let expression = parser.expression(Precedence::Lowest)?;
    match parser.lexemes.peek() {
        Lexeme::End => Ok(expression),
        _ => Err(parser.lexemes.unexpected("the end of the expression")),
    }
}

/// How tightly an operator binds, loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    Lowest,
    Or,
    And,
    Not,
    Is,
    Comparison,
    Bits,
    Sum,
    Product,
    Sign,
}

/// Parentheses and signs nest this deep at most; more is no expression that somebody wrote.
const MOST_DEPTH: u32 = 100;

struct Parser<'a> {
    lexemes: Lexemes<'a>,
    depth: u32,
}

impl Parser<'_> {
    /// Reads an expression of operators that bind tighter than `outer`.
    fn expression(&mut self, outer: Precedence) -> Result<Expression, ExpressionError> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(self.lexemes.error("the expression nests too deeply"));
        }
        let mut left = self.prefix()?;
        // A comparison of a comparison and a test of a test have no meaning in the grammar.
        let mut closed = None;
        while let Some((operator, precedence)) = self.infix() {
            if precedence <= outer || closed == Some(precedence) {
                break;
            }
            self.lexemes.next();
            left = if precedence == Precedence::Is {
                self.test(operator, left)?
            } else {
                let right = self.expression(precedence)?;
                Expression::Binary(operator.to_owned(), Box::new(left), Box::new(right))
            };
            let associates = !matches!(precedence, Precedence::Is | Precedence::Comparison);
            closed = (!associates).then_some(precedence);
        }
        self.depth -= 1;
        Ok(left)
    }

    fn infix(&self) -> Option<(&'static str, Precedence)> {
        Some(match self.lexemes.peek() {
            Lexeme::Operator(operator) => match operator {
                "=" | "<>" | "<" | "<=" | ">" | ">=" => (operator, Precedence::Comparison),
                "|" | "#" | "&" | "<<" | ">>" => (operator, Precedence::Bits),
                "+" | "-" => (operator, Precedence::Sum),
                "*" | "/" | "%" => (operator, Precedence::Product),
                _ => return None,
            },
            Lexeme::Word("or") => ("or", Precedence::Or),
            Lexeme::Word("and") => ("and", Precedence::And),
            Lexeme::Word(word @ ("is" | "isnull" | "notnull")) => (word, Precedence::Is),
            _ => return None,
        })
    }

    fn test(&mut self, operator: &str, operand: Expression) -> Result<Expression, ExpressionError> {
        let (word, negated) = match operator {
            "isnull" => ("null", false),
            "notnull" => ("null", true),
            _ => {
                let negated = self.lexemes.accept("not");
                match self.lexemes.peek() {
                    Lexeme::Word(word @ ("null" | "true" | "false")) => {
                        self.lexemes.next();
                        (word, negated)
                    }
                    _ => return Err(self.lexemes.unexpected("NULL, TRUE or FALSE")),
                }
            }
        };
        Ok(Expression::Is(Box::new(operand), word.to_owned(), negated))
    }

    fn prefix(&mut self) -> Result<Expression, ExpressionError> {
        let lexeme = self.lexemes.peek();
        match lexeme {
            Lexeme::Operator(sign @ ("-" | "+" | "~")) => {
                self.lexemes.next();
                return self.signed(sign);
            }
            Lexeme::Word("not") => {
                self.lexemes.next();
                let operand = self.expression(Precedence::Not)?;
                return Ok(Expression::Unary("not".to_owned(), Box::new(operand)));
            }
            _ => {}
        }
        let simple = match lexeme {
            Lexeme::Integer(digits) => Expression::Integer(self.integer(digits, "")?),
            Lexeme::Double(number) => Expression::Double(number),
            Lexeme::Variable(name) => Expression::Variable(name.to_owned()),
            Lexeme::Word("null") => Expression::Null,
            Lexeme::Word("true") => Expression::Boolean(true),
            Lexeme::Word("false") => Expression::Boolean(false),
            _ => return self.compound(lexeme),
        };
        self.lexemes.next();
        Ok(simple)
    }

    fn signed(&mut self, sign: &'static str) -> Result<Expression, ExpressionError> {
        // The least integer has no positive counterpart, so its sign belongs to the number.
        if let (Lexeme::Integer(digits), "-") = (self.lexemes.peek(), sign) {
            let number = self.integer(digits, "-")?;
            self.lexemes.next();
            return Ok(Expression::Integer(number));
        }
        let operand = self.expression(Precedence::Sign)?;
        Ok(match sign {
            "+" => operand,
            _ => Expression::Unary(sign.to_owned(), Box::new(operand)),
        })
    }

    fn integer(&self, digits: &str, sign: &str) -> Result<i64, ExpressionError> {
        format!("{sign}{digits}")
            .parse()
            .map_err(|_| self.lexemes.error("the number is beyond a 64-bit integer"))
    }

    fn compound(&mut self, lexeme: Lexeme<'_>) -> Result<Expression, ExpressionError> {
        match lexeme {
            Lexeme::Operator("(") => {
                self.lexemes.next();
                let inner = self.expression(Precedence::Lowest)?;
                self.lexemes.expect(")")?;
                Ok(inner)
            }
            Lexeme::Word("case") => self.case(),
            Lexeme::Name(name) => self.call(name),
            _ => Err(self.lexemes.unexpected("a value")),
        }
    }

    fn case(&mut self) -> Result<Expression, ExpressionError> {
        self.lexemes.next();
        let mut branches = Vec::new();
        while self.lexemes.accept("when") {
            let condition = self.expression(Precedence::Lowest)?;
            self.lexemes.expect("then")?;
            branches.push((condition, self.expression(Precedence::Lowest)?));
        }
        if branches.is_empty() {
            return Err(self.lexemes.unexpected("WHEN"));
        }
        let otherwise = match self.lexemes.accept("else") {
            true => Some(Box::new(self.expression(Precedence::Lowest)?)),
            false => None,
        };
        self.lexemes.expect("end")?;
        Ok(Expression::Case(branches, otherwise))
    }

    fn call(&mut self, name: &str) -> Result<Expression, ExpressionError> {
        let name = name.to_ascii_lowercase();
        let known = function::find(&name).map_err(|message| self.lexemes.error(&message))?;
        self.lexemes.next();
        self.lexemes.expect("(")?;
        let mut arguments = Vec::new();
        if !self.lexemes.accept(")") {
            loop {
                arguments.push(self.expression(Precedence::Lowest)?);
                if !self.lexemes.accept(",") {
                    break;
                }
            }
            self.lexemes.expect(")")?;
        }
        known.check(arguments.len()).map_err(|message| self.lexemes.error(&message))?;
        Ok(Expression::Call(name, arguments))
    }
}

#[cfg(test)]
mod tests;
