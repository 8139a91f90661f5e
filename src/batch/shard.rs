//! Shards: the parts of a batch that run on separate machines.
//!
//! The shard of an item is its key modulo the number of shards, plus one. Adding items therefore
//! moves no other item. The rule is fixed for good, like the key: of 10 shards, the line `abc` is
//! in number 5.

use std::fmt;
use std::str::FromStr;

use super::Error;
use super::item_key::ItemKey;

/// One of the shards of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BatchShard {
    count: u32,
    /// From 1 to `count`.
    number: u32,
}

impl BatchShard {
    /// The only shard of a batch that is not divided.
    pub(crate) const WHOLE: Self = Self {
        count: 1,
        number: 1,
    };

    /// Returns shard `number` of `count`; `None` if there is no such shard.
    fn new(number: u64, count: u64) -> Option<Self> {
        let (number, count) = (u32::try_from(number).ok()?, u32::try_from(count).ok()?);
        (1..=count)
            .contains(&number)
            .then_some(Self { count, number })
    }

    /// Returns the shard that an item belongs to, given the number of shards of this one.
    pub(crate) fn sibling_with(self, key: ItemKey) -> Self {
        let number = key.number() % u64::from(self.count) + 1;
        Self {
            count: self.count,
            number: u32::try_from(number).expect("at most `count`"),
        }
    }

    /// Whether an item belongs to this shard.
    pub(crate) fn has_item(self, key: ItemKey) -> bool {
        self.sibling_with(key) == self
    }

    /// Returns all shards of the same batch.
    pub(crate) fn siblings(self) -> impl Iterator<Item = Self> {
        let count = self.count;
        (1..=count).map(move |number| Self { count, number })
    }

    /// Returns the number of shards.
    pub(crate) fn count(self) -> u32 {
        self.count
    }
}

impl fmt::Display for BatchShard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.count)
    }
}

impl FromStr for BatchShard {
    type Err = ();

    /// Parses `I/N`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (number, count) = text.split_once('/').ok_or(())?;
        parse_number(number)
            .zip(parse_number(count))
            .and_then(|(number, count)| Self::new(number, count))
            .ok_or(())
    }
}

/// Parses digits; a sign is refused.
fn parse_number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// The value of `--shard`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShardChoice {
    /// `I/N`.
    Exact(BatchShard),
    /// `auto`, or `auto/N`: the shard whose number the scheduler provides in the environment.
    Auto {
        /// The number of shards, if it was given.
        count: Option<u32>,
    },
}

impl FromStr for ShardChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto { count: None });
        }
        if let Some(count) = text.strip_prefix("auto/") {
            let count = parse_number(count).and_then(|count| BatchShard::new(1, count));
            return count
                .map(|shard| Self::Auto {
                    count: Some(shard.count),
                })
                .ok_or_else(|| "must be `auto/N`, with N the number of shards".to_owned());
        }
        text.parse()
            .map(Self::Exact)
            .map_err(|()| "must be I/N with I from 1 to N, `auto` or `auto/N`".to_owned())
    }
}

/// A scheduler that numbers the processes of a job in environment variables.
#[derive(Debug)]
struct JobScheduler {
    name: &'static str,
    /// The variable with the number of this process.
    index: &'static str,
    /// The number of the first process.
    first: FirstIndex,
    /// The variable with the distance between two numbers; without one, it is 1.
    step: Option<&'static str>,
    /// The variable with the number of processes; `None` if there is none.
    count: Option<&'static str>,
}

#[derive(Debug)]
enum FirstIndex {
    Fixed(u64),
    Variable(&'static str),
}

/// The schedulers that `auto` knows.
const SCHEDULERS: [JobScheduler; 3] = [
    JobScheduler {
        name: "Slurm",
        index: "SLURM_ARRAY_TASK_ID",
        first: FirstIndex::Variable("SLURM_ARRAY_TASK_MIN"),
        step: Some("SLURM_ARRAY_TASK_STEP"),
        count: Some("SLURM_ARRAY_TASK_COUNT"),
    },
    JobScheduler {
        name: "GitLab",
        index: "CI_NODE_INDEX",
        first: FirstIndex::Fixed(1),
        step: None,
        count: Some("CI_NODE_TOTAL"),
    },
    JobScheduler {
        name: "Kubernetes",
        index: "JOB_COMPLETION_INDEX",
        first: FirstIndex::Fixed(0),
        step: None,
        count: None,
    },
];

impl ShardChoice {
    /// Returns the shard, and the name of the scheduler that chose it. `variable` returns the value
    /// of an environment variable.
    ///
    /// # Errors
    ///
    /// If `auto` finds no scheduler, more than one, or one whose variables do not name a shard.
    pub(crate) fn resolve(
        self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(BatchShard, Option<&'static str>), Error> {
        let count = match self {
            Self::Exact(shard) => return Ok((shard, None)),
            Self::Auto { count } => count.map(u64::from),
        };
        let mut found = None;
        for scheduler in &SCHEDULERS {
            let Some(shard) = scheduler.find_shard(count, &variable)? else {
                continue;
            };
            match found {
                None => found = Some((shard, Some(scheduler.name))),
                Some((other, _)) if other == shard => {}
                Some((other, name)) => {
                    return Err(Error::Shard(format!(
                        "{} says shard {other}, but {} says shard {shard}",
                        name.unwrap_or_default(),
                        scheduler.name
                    )));
                }
            }
        }
        found.ok_or(Error::NoShard)
    }
}

impl JobScheduler {
    /// Returns the shard that the variables name; `None` if the job does not run under this
    /// scheduler.
    fn find_shard(
        &self,
        given: Option<u64>,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<BatchShard>, Error> {
        if variable(self.index).is_none() {
            return Ok(None);
        }
        let number = |name: &str| {
            let text = variable(name)
                .ok_or_else(|| Error::Shard(format!("{} is set, but {name} is not", self.index)))?;
            parse_number(&text)
                .ok_or_else(|| Error::Shard(format!("`{text}` in {name} is not a whole number")))
        };
        let index = number(self.index)?;
        let first = match self.first {
            FirstIndex::Fixed(first) => first,
            FirstIndex::Variable(name) => number(name)?,
        };
        let step = self.step.map_or(Ok(1), number)?;
        let count = match self.count {
            Some(name) => {
                let count = number(name)?;
                if let Some(given) = given.filter(|&given| given != count) {
                    return Err(Error::Shard(format!(
                        "{name} is {count}, but --shard has {given}"
                    )));
                }
                count
            }
            None => given.ok_or(Error::ShardCount {
                variable: self.index,
            })?,
        };
        let steps = index
            .checked_sub(first)
            .filter(|distance| step > 0 && distance.is_multiple_of(step))
            .and_then(|distance| (distance / step).checked_add(1));
        steps
            .and_then(|number| BatchShard::new(number, count))
            .map(Some)
            .ok_or_else(|| {
                let steps = match step {
                    1 => String::new(),
                    step => format!(", in steps of {step}"),
                };
                Error::Shard(format!(
                    "{} is {index}, but must be one of {count} numbers from {first}{steps}",
                    self.index
                ))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(text: &str) -> BatchShard {
        text.parse().expect(text)
    }

    /// Returns the shard for `--shard` with these variables, or the error.
    fn resolved(choice: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let choice: ShardChoice = choice.parse().expect(choice);
        let found = choice.resolve(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        found
            .map(|(shard, _)| shard.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_shard_of_an_item_is_fixed_for_good() {
        for (item, expected) in [
            ("abc", ["1/1", "1/2", "1/3", "5/10", "15/20"]),
            ("Name three rivers.", ["1/1", "2/2", "2/3", "2/10", "12/20"]),
            ("Die Elbe", ["1/1", "2/2", "2/3", "8/10", "8/20"]),
        ] {
            let key = ItemKey::from_bytes(item.as_bytes());
            for expected in expected {
                let shard = shard(expected);
                assert!(shard.has_item(key), "{item} is in {expected}");
                assert_eq!(shard.sibling_with(key), shard);
            }
        }
    }

    #[test]
    fn each_item_is_in_one_shard_and_all_shards_have_about_as_many() {
        for count in 1..=20 {
            let mut sizes = vec![0; count];
            for item in 0..2000_u32 {
                let key = ItemKey::from_bytes(item.to_string().as_bytes());
                let of: Vec<_> = (1..=count)
                    .filter(|number| shard(&format!("{number}/{count}")).has_item(key))
                    .collect();
                assert_eq!(of.len(), 1);
                sizes[of[0] - 1] += 1;
            }
            let expected = 2000 / count;
            assert!(
                sizes.iter().all(|&size| size > expected / 2),
                "{count}: {sizes:?}"
            );
        }
    }

    #[test]
    fn a_shard_is_a_number_of_how_many() {
        for text in ["1/1", "3/10", "4294967295/4294967295"] {
            assert_eq!(shard(text).to_string(), text);
        }
        for text in [
            "",
            "1",
            "/",
            "0/1",
            "2/1",
            "1/0",
            "-1/2",
            "+1/2",
            "1/2/3",
            "1/4294967296",
            "a/b",
            "auto/0",
            "auto/",
            "auto/x",
            "Auto",
        ] {
            assert!(text.parse::<ShardChoice>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_variables_of_a_scheduler_name_the_shard() {
        let slurm = |id, min, step, count| {
            [
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_MIN", min),
                ("SLURM_ARRAY_TASK_STEP", step),
                ("SLURM_ARRAY_TASK_COUNT", count),
            ]
        };
        let gitlab = [("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "4")];
        let kubernetes = [("JOB_COMPLETION_INDEX", "0")];
        for (choice, variables, expected) in [
            ("auto", &slurm("0", "0", "1", "3")[..], "1/3"),
            ("auto", &slurm("12", "4", "4", "3"), "3/3"),
            ("auto/3", &slurm("3", "1", "1", "3"), "3/3"),
            ("auto", &gitlab, "2/4"),
            ("auto/10", &kubernetes, "1/10"),
            ("3/7", &gitlab, "3/7"),
        ] {
            assert_eq!(resolved(choice, variables).as_deref(), Ok(expected));
        }
        for (choice, variables, expected) in [
            ("auto", &[][..], "JOB_COMPLETION_INDEX"),
            ("auto", &kubernetes, "`--shard auto`"),
            (
                "auto/2",
                &[("JOB_COMPLETION_INDEX", "2")],
                "is 2, but must be one of 2",
            ),
            (
                "auto",
                &slurm("7", "1", "1", "3"),
                "is 7, but must be one of 3",
            ),
            ("auto", &slurm("2", "1", "2", "3"), "in steps of 2"),
            ("auto", &slurm("1", "1", "0", "3"), "in steps of 0"),
            (
                "auto",
                &slurm("x", "1", "1", "3"),
                "`x` in SLURM_ARRAY_TASK_ID",
            ),
            ("auto", &gitlab[..1], "CI_NODE_TOTAL is not"),
            ("auto/5", &gitlab, "CI_NODE_TOTAL is 4, but --shard has 5"),
            (
                "auto/4",
                &[gitlab[0], gitlab[1], kubernetes[0]],
                "GitLab says shard 2/4, but Kubernetes says shard 1/4",
            ),
        ] {
            let error = resolved(choice, variables).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
