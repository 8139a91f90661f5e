//! A command that is defined with no more groups of flags than its command line needs.
//!
//! Shell scripts start `send` for each prompt, and defining all of its flags would cost as much as
//! asking the model. This way a flag costs nothing where neither it nor one of a later group is
//! given.

use std::ffi::OsString;

use clap::{ArgMatches, Args, Command, Error};

/// A definition that grows by groups of flags until it has all flags of a command line.
pub(super) struct SparseDefinition<'a> {
    command: Command,
    /// What may be flags of groups to come.
    unknown: Vec<&'a OsString>,
}

impl<'a> SparseDefinition<'a> {
    /// Begins with a command without flags; `argv` starts with its name.
    pub(super) fn new(command: Command, argv: &'a [OsString]) -> Self {
        let may_be_flag = |arg: &&OsString| arg.len() > 1 && arg.as_encoded_bytes()[0] == b'-';
        Self {
            command,
            unknown: argv
                .iter()
                .skip(1)
                .take_while(|arg| *arg != "--")
                .filter(may_be_flag)
                .collect(),
        }
    }

    /// Adds a group of flags, unless all flags of the command line are known already. Returns what
    /// reads the group from the matches.
    ///
    /// The group may name flags of groups before it, such as in `conflicts_with`, but none of later
    /// groups.
    pub(super) fn add<G: Args + Default>(&mut self) -> fn(&mut ArgMatches) -> Result<G, Error> {
        if self.unknown.is_empty() {
            return |_| Ok(G::default());
        }
        self.command = G::augment_args(std::mem::take(&mut self.command));
        let command = &self.command;
        self.unknown.retain(|flag| !is_flag_of(command, flag));
        G::from_arg_matches_mut
    }

    /// Parses a command line, which starts with the name of the command.
    pub(super) fn matches(mut self, argv: &[OsString]) -> Result<ArgMatches, Error> {
        let found = self.command.try_get_matches_from_mut(argv);
        // Dropping its many small allocations takes longer than leaving them to the end of the
        // process.
        std::mem::forget(self.command);
        found
    }
}

fn is_flag_of(command: &Command, flag: &OsString) -> bool {
    let Some(name) = flag.to_str().and_then(|flag| flag.strip_prefix('-')) else {
        return false;
    };
    let mut known = command.get_arguments();
    if let Some(long) = name.strip_prefix('-') {
        let long = long.split_once('=').map_or(long, |(long, _)| long);
        known.any(|arg| arg.get_long() == Some(long))
    } else {
        known.any(|arg| arg.get_short() == name.chars().next())
    }
}
