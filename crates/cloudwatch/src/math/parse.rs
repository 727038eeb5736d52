//! From tokens to a program, by precedence: OR, AND, comparison, + and -, * and /, unary minus, ^ (which groups to the right).

use super::function::{Function, Keyword, UNSUPPORTED};
use super::operator::{NEGATION_PRECEDENCE, Operator};
use super::program::{Expression, Step};
use super::token::{Token, tokens};
use super::{EXPRESSION_DEPTH_MAX, EXPRESSION_LENGTH_MAX, MathError};
use crate::invalid::quoted;

impl Expression {
    /// Parses an expression. That its ids exist and its types fit is found out by evaluating it, perhaps without data.
    pub fn parse(text: &str) -> Result<Self, MathError> {
        let length = text.chars().count();
        if text.trim().is_empty() || length > EXPRESSION_LENGTH_MAX {
            return Err(MathError::Length);
        }
        let mut parser = Parser { tokens: tokens(text)?, next: 0, steps: Vec::new(), depth: 0, end: length + 1 };
        parser.expression(0)?;
        match parser.peek() {
            None => Ok(Expression { text: text.to_owned(), steps: parser.steps }),
            Some(_) => Err(parser.error("an operator or the end is expected")),
        }
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    steps: Vec<Step>,
    depth: usize,
    end: usize,
}

impl Parser {
    /// Parses operands joined by operators of at least `precedence`.
    fn expression(&mut self, precedence: u8) -> Result<(), MathError> {
        self.depth += 1;
        if self.depth > EXPRESSION_DEPTH_MAX {
            return Err(MathError::TooDeep);
        }
        if self.take("-") {
            self.expression(NEGATION_PRECEDENCE)?;
            self.steps.push(Step::Negate);
        } else {
            self.operand()?;
        }
        while let Some(operator) = self.operator().filter(|operator| operator.precedence() >= precedence) {
            self.next += 1;
            self.right_side(operator)?;
            self.steps.push(Step::Operate(operator));
        }
        self.depth -= 1;
        Ok(())
    }

    /// Parses what stands right of an operator: what binds tighter, for ^ also what binds as tightly, and a minus (`2^-1`).
    fn right_side(&mut self, operator: Operator) -> Result<(), MathError> {
        if operator != Operator::Power {
            return self.expression(operator.precedence() + 1);
        }
        let negative = self.take("-");
        self.expression(operator.precedence())?;
        self.steps.extend(negative.then_some(Step::Negate));
        Ok(())
    }

    fn operand(&mut self) -> Result<(), MathError> {
        let Some((_, token)) = self.tokens.get(self.next).cloned() else {
            return Err(self.error("a number, an id or a function is expected"));
        };
        self.next += 1;
        match token {
            Token::Number(number) => self.steps.push(Step::Number(number)),
            Token::Id(id) => self.steps.push(Step::Reference(id)),
            Token::Text(text) => self.steps.push(Step::Text(text)),
            Token::Word(word) => return self.word(&word),
            Token::Sign("(") => {
                self.expression(0)?;
                return self.expect(")", "a closing parenthesis is expected");
            }
            Token::Sign("[") => {
                let count = self.list("]", "a comma or a closing bracket is expected")?;
                self.steps.push(Step::Array(count));
            }
            Token::Sign(_) => {
                self.next -= 1;
                return Err(self.error("a number, an id or a function is expected"));
            }
        }
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), MathError> {
        if UNSUPPORTED.contains(&word) {
            return Err(MathError::Unsupported(word.to_owned()));
        }
        if self.take("(") {
            let function = Function::parse(word).ok_or_else(|| MathError::UnknownFunction(quoted(word)))?;
            let count = self.list(")", "a comma or a closing parenthesis is expected")?;
            self.steps.push(Step::Call(function, count));
            return Ok(());
        }
        match Keyword::parse(word) {
            Some(keyword) => self.steps.push(Step::Word(keyword)),
            None => return Err(MathError::UnknownFunction(quoted(word))),
        }
        Ok(())
    }

    /// Parses expressions, separated by commas, up to a closing sign; returns how many.
    fn list(&mut self, closing: &'static str, problem: &'static str) -> Result<usize, MathError> {
        if self.take(closing) {
            return Ok(0);
        }
        let mut count = 1;
        self.expression(0)?;
        while self.take(",") {
            self.expression(0)?;
            count += 1;
        }
        self.expect(closing, problem)?;
        Ok(count)
    }

    fn operator(&self) -> Option<Operator> {
        match self.peek()? {
            Token::Sign(sign) => Operator::of_sign(sign),
            Token::Word(word) if word == "AND" => Some(Operator::And),
            Token::Word(word) if word == "OR" => Some(Operator::Or),
            Token::Word(_) | Token::Number(_) | Token::Id(_) | Token::Text(_) => None,
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn take(&mut self, sign: &'static str) -> bool {
        let found = self.peek() == Some(&Token::Sign(sign));
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &'static str, problem: &'static str) -> Result<(), MathError> {
        if self.take(sign) { Ok(()) } else { Err(self.error(problem)) }
    }

    fn error(&self, problem: &'static str) -> MathError {
        let position = self.tokens.get(self.next).map_or(self.end, |(position, _)| *position);
        MathError::Syntax { position, problem }
    }
}
