//! What is remembered between runs: the latest model list of each endpoint and key, the default
//! model picked from it, and the options that models were seen to refuse or accept.
//!
//! All of it can be fetched again, so a directory that cannot be read counts as empty, and failing
//! to write does no harm. No key is stored here.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::client::{ListedModel, models_of};
use crate::fs::{Durability, atomic_write, read_regular};
use crate::protocol::{ExactJson, ModelOption, OptionFacts};
use crate::text::has_key;

/// How long a model list is used.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// How long it is remembered that a model refused or accepted an option.
const LEARNED_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The directory of the remembered state.
#[derive(Debug, Clone)]
pub(crate) struct State(PathBuf);

/// A list of models and how old it is.
#[derive(Debug, PartialEq)]
pub(crate) struct SavedList {
    /// The models.
    pub(crate) models: Vec<ListedModel>,
    /// How long ago it was fetched.
    pub(crate) age: Duration,
}

/// The model that was picked because nobody chose one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pin {
    /// Its id.
    pub(crate) model: String,
    /// The maximum number of output tokens, if the list has it.
    pub(crate) max_tokens: Option<u64>,
}

/// The options that an endpoint's models were seen to refuse or accept: rules by option, by model.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct LearnedRules(BTreeMap<String, BTreeMap<String, LearnedRule>>);

/// Whether an option was accepted, and when that was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct LearnedRule {
    #[serde(rename = "accepted")]
    is_accepted: bool,
    /// In seconds since the epoch.
    learned_at: u64,
}

impl LearnedRules {
    /// Returns what was learned about a model.
    pub(crate) fn of_model(&self, model: &str) -> OptionFacts {
        let rules = self.0.get(model).into_iter().flatten();
        let fact = |(option, rule): (&String, &LearnedRule)| {
            Some((ModelOption::from_name(option)?, rule.is_accepted))
        };
        rules.filter_map(fact).collect()
    }
}

impl State {
    /// Returns the directory of the current user; `None` without a home directory.
    pub(crate) fn for_user() -> Option<Self> {
        // Not every platform separates state from data.
        dirs::state_dir()
            .or_else(dirs::data_local_dir)
            .map(|directory| Self(directory.join("langdock")))
    }

    /// Returns the path of the directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.0
    }

    /// Returns the directory of the shared rate-limit ledgers.
    pub(crate) fn books(&self) -> PathBuf {
        self.0.join("pace")
    }

    /// Returns the list saved under this name, unless it is too old.
    pub(crate) fn list(&self, name: &str, now: SystemTime) -> Option<SavedList> {
        let saved = saved_json(&self.list_file(name))?;
        let asked_at = SystemTime::UNIX_EPOCH + Duration::from_secs(saved["asked_at"].as_u64()?);
        // A list from the future was saved under a wrong clock.
        let age = now
            .duration_since(asked_at)
            .ok()
            .filter(|age| *age < FRESH)?;
        Some(SavedList {
            models: models_of(&saved)?,
            age,
        })
    }

    /// Saves a list under a name. An empty list is forgotten instead: the user gets an explanation,
    /// and it may be longer next time.
    pub(crate) fn save_list(
        &self,
        name: &str,
        models: &[ListedModel],
        now: SystemTime,
    ) -> io::Result<()> {
        if models.is_empty() {
            return forget(&self.list_file(name));
        }
        let asked_at = seconds_since_epoch(now);
        let data: Vec<&ExactJson> = models.iter().map(ListedModel::object).collect();
        let mut list = ExactJson::from(json!({ "asked_at": asked_at }));
        list.set_field("data", ExactJson::from_value(&data));
        write(&self.list_file(name), list.to_string().as_bytes())
    }

    /// Returns the model picked under this name.
    pub(crate) fn pin(&self, name: &str) -> Option<Pin> {
        serde_json::from_slice(&read_regular(&self.pin_file(name)).ok()?).ok()
    }

    /// Saves the picked model under a name; `None` forgets it.
    pub(crate) fn save_pin(&self, name: &str, pin: Option<&Pin>) -> io::Result<()> {
        match pin {
            Some(pin) => write(&self.pin_file(name), &serde_json::to_vec(pin)?),
            None => forget(&self.pin_file(name)),
        }
    }

    /// Returns the options that an endpoint's models were seen to refuse or accept, by model,
    /// without entries that are too old.
    pub(crate) fn learned(&self, name: &str, now: SystemTime) -> LearnedRules {
        let Ok(bytes) = read_regular(&self.learned_file(name)) else {
            return LearnedRules::default();
        };
        let mut learned: LearnedRules = serde_json::from_slice(&bytes).unwrap_or_default();
        let now = seconds_since_epoch(now);
        for rules in learned.0.values_mut() {
            // A rule from the future was learned under a wrong clock.
            rules.retain(|option, rule| {
                let age = now.checked_sub(rule.learned_at);
                age.is_some_and(|age| age < LEARNED_LIFETIME.as_secs())
                    && ModelOption::from_name(option).is_some()
            });
        }
        learned.0.retain(|_, rules| !rules.is_empty());
        learned
    }

    /// Remembers that a model refused or accepted options.
    pub(crate) fn learn(
        &self,
        name: &str,
        model: &str,
        facts: &OptionFacts,
        now: SystemTime,
    ) -> io::Result<()> {
        // It was typed in place of a model.
        if has_key(model) {
            return Ok(());
        }
        let mut learned = self.learned(name, now);
        let rules = learned.0.entry(model.to_owned()).or_default();
        for (option, is_accepted) in facts {
            let rule = LearnedRule {
                is_accepted: *is_accepted,
                learned_at: seconds_since_epoch(now),
            };
            rules.insert(option.name().to_owned(), rule);
        }
        write(&self.learned_file(name), &serde_json::to_vec(&learned)?)
    }

    /// Forgets what was learned about the models of an endpoint.
    pub(crate) fn forget_learned(&self, name: &str) -> io::Result<()> {
        forget(&self.learned_file(name))
    }

    fn learned_file(&self, name: &str) -> PathBuf {
        self.0.join("rules").join(format!("{name}.json"))
    }

    /// Returns the models of all saved lists, however old, those of the newest list first.
    pub(crate) fn listed_models(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.join("models")).into_iter().flatten();
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
            })
            .collect();
        files.sort_by(|one, other| other.cmp(one));
        let mut ids = Vec::new();
        for (_, file) in files {
            let list = saved_json(&file).unwrap_or_default();
            for model in models_of(&list).unwrap_or_default() {
                if ids.iter().all(|known| known != model.id()) {
                    ids.push(model.id().to_owned());
                }
            }
        }
        ids
    }

    fn list_file(&self, name: &str) -> PathBuf {
        self.0.join("models").join(format!("{name}.json"))
    }

    fn pin_file(&self, name: &str) -> PathBuf {
        self.0.join("picks").join(format!("{name}.json"))
    }
}

fn seconds_since_epoch(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// Reads a file that this program has written; `None` if there is none, or if it is damaged.
fn saved_json(path: &Path) -> Option<ExactJson> {
    let text = String::from_utf8(read_regular(path).ok()?).ok()?;
    ExactJson::parse(&text).ok()
}

/// Writes a file that other processes may be reading or writing.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    atomic_write(path, bytes, Durability::Cached)
}

fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::Value;

    use super::*;

    fn models(ids: &[&str]) -> Vec<ListedModel> {
        let data: Vec<Value> = ids
            .iter()
            .map(|id| json!({"id": id, "max_tokens": 5}))
            .collect();
        models_of(&json!({ "data": data }).into()).expect("a list")
    }

    #[test]
    fn a_list_is_good_for_a_day() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = State(directory.path().join("new"));
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        state
            .save_list("a", &models(&["x", "y"]), then)
            .expect("it is writable");
        let age = |now| {
            state
                .list("a", now)
                .map(|list| (list.models == models(&["x", "y"]), list.age.as_secs()))
        };
        assert_eq!(age(then + Duration::from_secs(60)), Some((true, 60)));
        assert_eq!(age(then + FRESH), None);
        assert_eq!(age(then - Duration::from_secs(1)), None);
        assert_eq!(state.list("b", then), None);
        state.save_list("a", &[], then).expect("it is writable");
        assert_eq!(age(then), None);
    }

    #[test]
    fn a_pin_is_kept_until_it_is_forgotten_and_nobody_else_reads_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = State(directory.path().to_owned());
        let pin = Pin {
            model: "m".into(),
            max_tokens: Some(7),
        };
        state.save_pin("a", Some(&pin)).expect("it is writable");
        assert_eq!((state.pin("a"), state.pin("b")), (Some(pin), None));
        let mode = fs::metadata(state.pin_file("a"))
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(directory.path().join("picks"))
                .expect("it is there")
                .count(),
            1
        );
        for _ in 0..2 {
            state
                .save_pin("a", None)
                .expect("what is not there is forgotten");
            assert_eq!(state.pin("a"), None);
        }
    }

    #[test]
    fn what_was_learned_of_a_model_lapses_after_a_week_and_can_be_forgotten() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = State(directory.path().to_owned());
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
        let refused = OptionFacts::from([(ModelOption::TopK, false)]);
        let accepted = OptionFacts::from([(ModelOption::MaxEffort, true)]);
        let a_day_later = then + Duration::from_secs(24 * 60 * 60);
        state
            .learn("a", "m", &refused, then)
            .expect("it is writable");
        state
            .learn("a", "m", &accepted, a_day_later)
            .expect("it is writable");
        state
            .learn("a", "n", &refused, a_day_later)
            .expect("it is writable");
        let both = OptionFacts::from([(ModelOption::TopK, false), (ModelOption::MaxEffort, true)]);
        let learned = |name, model, now| state.learned(name, now).of_model(model);
        assert_eq!(learned("a", "m", a_day_later), both);
        assert_eq!(learned("a", "n", a_day_later), refused);
        assert_eq!(learned("a", "x", a_day_later), OptionFacts::new());
        assert_eq!(learned("b", "m", a_day_later), OptionFacts::new());
        assert_eq!(learned("a", "m", then + LEARNED_LIFETIME), accepted);
        assert_eq!(
            learned("a", "m", a_day_later + LEARNED_LIFETIME),
            OptionFacts::new()
        );
        assert_eq!(
            learned("a", "m", then - Duration::from_secs(1)),
            OptionFacts::new()
        );
        for _ in 0..2 {
            state
                .forget_learned("a")
                .expect("what is not there is forgotten");
            assert_eq!(learned("a", "m", a_day_later), OptionFacts::new());
        }
    }

    #[test]
    fn what_is_damaged_counts_as_not_there() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = State(directory.path().to_owned());
        for text in [
            "",
            "{",
            r#"{"data":[]}"#,
            r#"{"asked_at":"x","data":[]}"#,
            r#"{"asked_at":0}"#,
        ] {
            write(&state.list_file("a"), text.as_bytes()).expect("it is writable");
            write(&state.pin_file("a"), text.as_bytes()).expect("it is writable");
            assert_eq!(
                (state.list("a", SystemTime::UNIX_EPOCH), state.pin("a")),
                (None, None),
                "{text}"
            );
        }
    }
}
