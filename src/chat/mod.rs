//! A conversation with the model, as far as it is pure: what comes next. No IO.

mod turn;

pub(crate) use turn::{Limit, Rules, Step, Turn};
