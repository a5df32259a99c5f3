//! What a Lambda function is here: a name, a trigger, and how it is built.

use edge::budget::Budget;
use edge::lambda::{Invoke, named};
use edge::{Ahead, App, Besides};
use lambda_runtime::Error;

/// What makes a function run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    Http {
        method: &'static str,
        path: &'static str,
    },
    /// A gateway's Lambda authorizer.
    Authorizer,
    /// A gateway that asks over HTTP whether to let its client in, by whichever method. No person
    /// calls these paths, and no session counts there.
    ForwardAuth {
        path: &'static str,
    },
    /// The table's stream.
    Stream,
    /// A topic of SNS.
    Topic,
    /// Direct invocation by an operator.
    Operator,
    Schedule,
}

impl Trigger {
    /// Method and path of what people's browsers and programs call.
    pub fn route(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Http { method, path } => Some((method, path)),
            Self::Authorizer
            | Self::ForwardAuth { .. }
            | Self::Stream
            | Self::Topic
            | Self::Operator
            | Self::Schedule => None,
        }
    }

    /// The method of a route that this path takes. A part of the route in braces stands for any
    /// part of the path that is not empty.
    pub(crate) fn method_for(self, path: &str) -> Option<&'static str> {
        let (method, route) = self.route()?;
        let fits = route.split('/').count() == path.split('/').count()
            && route
                .split('/')
                .zip(path.split('/'))
                .all(|(known, part)| known == part || (known.starts_with('{') && !part.is_empty()));
        fits.then_some(method)
    }
}

/// One Lambda function.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    pub name: &'static str,
    pub trigger: Trigger,
    /// A second route of the same action.
    pub also: Option<Trigger>,
    pub budget: Budget,
    pub ahead: Ahead,
    pub(crate) build: fn(App) -> Invoke,
}

/// What a function has ahead that does one thing after the other.
pub(crate) const USUAL: Ahead = Ahead { connections: 1, besides: None };

impl Function {
    /// The same with one more route.
    pub(crate) const fn and(self, route: Trigger) -> Self {
        Self { also: Some(route), ..self }
    }

    /// The same, whose first event has so many requests to the table side by side.
    pub(crate) const fn side_by_side(mut self, requests: usize) -> Self {
        self.ahead.connections = requests;
        self
    }

    /// The same, which needs this besides.
    pub(crate) const fn with(mut self, besides: Besides) -> Self {
        self.ahead.besides = Some(besides);
        self
    }

    pub(crate) const fn both(&self) -> [Option<Trigger>; 2] {
        [Some(self.trigger), self.also]
    }

    /// All that makes it run.
    pub fn triggers(&self) -> impl Iterator<Item = Trigger> {
        self.both().into_iter().flatten()
    }

    /// The function, ready to be called, on an app of its own.
    pub fn build(&self, app: App) -> Invoke {
        named(self.name, (self.build)(app))
    }
}

/// The `main` of a function's program.
///
/// A constant is all that it names, so it carries the code of that one function and not the table
/// of all of them.
pub fn run(function: Function) -> Result<(), Error> {
    let Function { name, budget, ahead, .. } = function;
    edge::lambda::run(name, budget, ahead, |app| function.build(app))
}

/// A constant that is a function: name, trigger, budget, how it is served, and by which handler.
macro_rules! function {
    ($name:literal, $trigger:expr, $budget:ident, $serve:ident, $handle:path) => {
        Function {
            name: $name,
            trigger: $trigger,
            also: None,
            budget: Budget::$budget,
            ahead: function::USUAL,
            build: |app| $serve(app, |app, asked| $handle(app, asked).boxed()),
        }
    };
}

/// The same of one that answers HTTP.
macro_rules! http_function {
    ($name:literal, $method:literal, $path:literal, $handle:path) => {
        http_function!($name, $method, $path, REQUEST, $handle)
    };
    ($name:literal, $method:literal, $path:literal, $budget:ident, $handle:path) => {
        function!($name, Trigger::Http { method: $method, path: $path }, $budget, http, $handle)
    };
}

pub(crate) use {function, http_function};
