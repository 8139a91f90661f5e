//! Keeps secrets from being sent by mistake: files with one are refused, and in everything else
//! they are reported, or replaced, as the settings say.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::app::App;
use crate::error::Error;
use crate::input::{self, Attachment, FileArgument, matches_glob};
use crate::protocol::{ExactFields, ExactJson, ToolDefinition};
use crate::secret_scan::{Fingerprint, FoundSecret, SecretMode, SecretNumbers, SecretPolicy, mask};
use crate::text::{TableColumn, TextTable, counted};
use crate::tool::{Outcome, Tool};
use crate::ui::Verbosity;

/// What messages call the user's own words.
pub(crate) const PROMPT: &str = "the prompt";

/// How many secrets a notice describes.
const MAX_DESCRIBED: usize = 3;

/// How many secrets of a refusal are listed.
const MAX_LISTED: usize = 20;

/// How many exclusions are worth suggesting.
const MAX_EXCLUSIONS: usize = 5;

/// What checks the parts of a request for secrets.
#[derive(Clone, Copy)]
pub(crate) struct SecretGuard<'a> {
    /// Where notices go, and the numbers of what was replaced.
    pub(crate) app: &'a App,
    policy: &'a SecretPolicy,
    numbers: &'a SecretNumbers,
    /// Whether nothing is said about what is masked or sent.
    is_quiet: bool,
}

/// A secret in a file that is refused.
struct RefusedSecret {
    /// The file and the line, for messages.
    place: String,
    rule: String,
    kind: String,
    fingerprint: String,
    /// The file.
    path: Option<PathBuf>,
}

impl<'a> SecretGuard<'a> {
    /// Creates a guard that does what the settings say.
    pub(crate) fn new(app: &'a App, policy: &'a SecretPolicy) -> Self {
        Self {
            app,
            policy,
            numbers: &app.secret_numbers,
            is_quiet: false,
        }
    }

    /// Returns a guard for an item of a batch: it has numbers of its own, so that its request does
    /// not depend on other items, and says nothing about what it masks or sends.
    pub(crate) fn for_item(self, numbers: &'a SecretNumbers) -> Self {
        Self {
            numbers,
            is_quiet: true,
            ..self
        }
    }

    /// Checks files. `given` are the paths of the command line that they come from.
    ///
    /// # Errors
    ///
    /// If one has a secret that is not allowed, and it is not to be masked.
    pub(crate) fn check_files(
        self,
        files: &mut [Attachment],
        given: &[PathBuf],
    ) -> Result<(), Error> {
        if self.is_off() {
            return Ok(());
        }
        let mut refused = Vec::new();
        for file in files {
            let (name, path) = (file.name().to_owned(), file.path());
            let Some(text) = file.text() else { continue };
            let found = self.find(text, path.as_deref());
            if found.is_empty() {
                continue;
            }
            if self.policy.mode == SecretMode::Mask {
                let masked = self.mask(&name, text, &found);
                file.set_text(&masked);
            } else {
                refused.extend(found.iter().map(|secret| {
                    let place = format!("{name}, line {}", secret.line);
                    RefusedSecret::new(place, path.clone(), text, secret)
                }));
            }
        }
        self.refuse(&refused, given)
    }

    /// Checks the text of a file of its own, such as a template. What is from standard input (`-`)
    /// is not refused.
    pub(crate) fn check_text(self, name: &str, path: &Path, text: String) -> Result<String, Error> {
        if self.is_off() {
            return Ok(text);
        }
        if path.as_os_str() == "-" {
            return Ok(self.check_words("standard input", text));
        }
        let place = |secret: &FoundSecret| format!("{name}, line {}", secret.line);
        self.check_part(name, path, text, place)
    }

    /// Checks JSON that is a file of its own, and what the escapes in it stand for.
    pub(crate) fn check_json(self, name: &str, path: &Path, text: String) -> Result<String, Error> {
        let text = self.check_text(name, path, text)?;
        match self.unescaped(&text) {
            Some(unescaped) => self.check_text(name, path, unescaped),
            None => Ok(text),
        }
    }

    /// Checks JSON that the user has typed, and what the escapes in it stand for, as words.
    pub(crate) fn check_json_words(self, name: &str, json: String) -> String {
        let json = self.check_words(name, json);
        match self.unescaped(&json) {
            Some(unescaped) => self.check_words(name, unescaped),
            None => json,
        }
    }

    /// Returns JSON without escapes that are not needed, if that shows a secret.
    fn unescaped(self, json: &str) -> Option<String> {
        if self.is_off() || !json.contains('\\') {
            return None;
        }
        // Whoever reads it says what is wrong with it.
        let unescaped = ExactJson::parse_envelope(json).ok()?.to_string();
        let count = |text: &str| self.find(text.as_bytes(), None).len();
        (count(&unescaped) > count(json)).then_some(unescaped)
    }

    /// Checks text that is in a file. `place` says where a secret is, for the refusal.
    fn check_part(
        self,
        name: &str,
        path: &Path,
        text: String,
        place: impl Fn(&FoundSecret) -> String,
    ) -> Result<String, Error> {
        let found = self.find(text.as_bytes(), Some(path));
        if found.is_empty() {
            return Ok(text);
        }
        if self.policy.mode == SecretMode::Mask {
            return Ok(self.mask_text(name, &text, &found));
        }
        let refused =
            |secret: &FoundSecret| RefusedSecret::new(place(secret), None, text.as_bytes(), secret);
        let refused: Vec<RefusedSecret> = found.iter().map(refused).collect();
        self.refuse(&refused, &[]).map(|()| text)
    }

    /// Checks the text of an item of a batch, which fails alone. `place` names the item.
    pub(crate) fn check_item(self, place: &str, text: &str) -> Result<Option<String>, Error> {
        if self.is_off() {
            return Ok(None);
        }
        let found = self.find(text.as_bytes(), None);
        match found.first() {
            None => Ok(None),
            Some(_) if self.policy.mode == SecretMode::Mask => {
                Ok(Some(self.mask_text(place, text, &found)))
            }
            Some(first) => {
                let first = RefusedSecret::new(place.to_owned(), None, text.as_bytes(), first);
                Err(first.to_error(found.len(), Vec::new()))
            }
        }
    }

    /// Checks words of the user's own. They are never refused.
    pub(crate) fn check_words(self, name: &str, words: String) -> String {
        if self.is_off() {
            return words;
        }
        let found = self.find(words.as_bytes(), None);
        if found.is_empty() {
            return words;
        }
        if self.policy.mode == SecretMode::Mask {
            return self.mask_text(name, &words, &found);
        }
        self.report_sent(name, &found);
        words
    }

    /// Checks the values of `--param`, as words.
    pub(crate) fn check_params(self, params: &[(String, String)]) -> Vec<(String, String)> {
        let checked = |(key, value): &(String, String)| {
            let name = format!("--param {key}");
            (key.clone(), self.check_words(&name, value.clone()))
        };
        params.iter().map(checked).collect()
    }

    /// Checks JSON that the user has typed, as words.
    pub(crate) fn check_value(self, name: &str, value: ExactJson) -> ExactJson {
        if self.is_off() {
            return value;
        }
        let text = self.check_words(name, value.to_string());
        ExactJson::parse(&text).unwrap_or(value)
    }

    /// Checks the definitions of tools. Those of a file are refused; others, which a program has
    /// printed, are checked as words. `name` is that of the file or program.
    pub(crate) fn check_tools(
        self,
        name: &str,
        file: Option<&Path>,
        tools: &mut [Tool],
    ) -> Result<(), Error> {
        if self.is_off() {
            return Ok(());
        }
        let file = file.filter(|path| path.as_os_str() != "-");
        for tool in tools {
            let name = format!("{name}, tool `{}`", tool.name());
            let text = tool.definition.to_json();
            let checked = match file {
                Some(path) => self.check_part(&name, path, text.clone(), |_| name.clone())?,
                None => self.check_words(&name, text.clone()),
            };
            let masked = (checked != text).then(|| ExactJson::parse(&checked).ok());
            if let Some(fields) = masked.flatten().and_then(ExactFields::from_object) {
                tool.definition = ToolDefinition::new(fields);
            }
        }
        Ok(())
    }

    /// Checks standard input. It is never refused.
    pub(crate) fn check_stdin(self, stdin: &mut Attachment) {
        if self.is_off() {
            return;
        }
        let name = stdin.name().to_owned();
        let Some(text) = stdin.text() else { return };
        let found = self.find(text, None);
        if found.is_empty() {
            return;
        }
        if self.policy.mode == SecretMode::Mask {
            let masked = self.mask(&name, text, &found);
            stdin.set_text(&masked);
        } else {
            self.report_sent(&name, &found);
        }
    }

    /// Masks the secrets in the result of a tool, which is never refused.
    pub(crate) fn mask_outcome(self, tool: &str, outcome: &mut Outcome) {
        if self.is_off() {
            return;
        }
        let name = format!("the result of {tool}");
        let texts = match &mut outcome.content {
            Value::Array(blocks) => blocks
                .iter_mut()
                .filter_map(|block| block.get_mut("text"))
                .collect(),
            content => vec![content],
        };
        for content in texts {
            let Value::String(text) = content else {
                continue;
            };
            let found = self.find(text.as_bytes(), None);
            if !found.is_empty() {
                *text = self.mask_text(&name, text, &found);
            }
        }
    }

    fn is_off(self) -> bool {
        self.policy.mode == SecretMode::Send
    }

    fn find(self, text: &[u8], path: Option<&Path>) -> Vec<FoundSecret> {
        let mut found = self.policy.find(text, path);
        let is_allowed = |path: &Path| matches_glob(path, self.policy.allowed_paths());
        if !found.is_empty() && path.is_some_and(is_allowed) {
            found.clear();
        }
        found
    }

    fn mask(self, name: &str, text: &[u8], found: &[FoundSecret]) -> Vec<u8> {
        if !self.is_quiet {
            self.app.notices.notice(&format!(
                "masked {} in {name} ({})",
                counted(found.len(), "secret"),
                described(found)
            ));
        }
        mask(text, found, self.numbers)
    }

    fn mask_text(self, name: &str, text: &str, found: &[FoundSecret]) -> String {
        let masked = self.mask(name, text.as_bytes(), found);
        String::from_utf8_lossy(&masked).into_owned()
    }

    fn report_sent(self, name: &str, found: &[FoundSecret]) {
        if self.is_quiet {
            return;
        }
        self.app.notices.notice(&format!(
            "sending {} in {name} ({}); `--secrets mask` replaces secrets",
            counted(found.len(), "secret"),
            described(found)
        ));
    }

    /// Fails if there is a secret. Several are listed first.
    fn refuse(self, refused: &[RefusedSecret], given: &[PathBuf]) -> Result<(), Error> {
        let Some(first) = refused.first() else {
            return Ok(());
        };
        if refused.len() > 1 && self.app.notices.verbosity() >= Verbosity::Normal {
            self.app
                .notices
                .print_block(&list(refused).to_sanitized_text());
        }
        Err(first.to_error(refused.len(), exclusions(refused, given)))
    }
}

impl RefusedSecret {
    fn new(place: String, path: Option<PathBuf>, text: &[u8], secret: &FoundSecret) -> Self {
        let value = &text[secret.range.clone()];
        Self {
            place,
            rule: secret.rule.clone(),
            kind: secret.kind.clone(),
            fingerprint: Fingerprint::from_secret(value).to_string(),
            path,
        }
    }

    /// Returns the error of a refusal whose first secret this is.
    fn to_error(&self, count: usize, exclude: Vec<String>) -> Error {
        Error::Input(input::Error::Secrets {
            place: self.place.clone(),
            kind: self.kind.as_str().into(),
            rule: self.rule.as_str().into(),
            fingerprint: self.fingerprint.clone(),
            count,
            exclude,
        })
    }
}

/// Returns the secrets as a table, a line each.
fn list(refused: &[RefusedSecret]) -> TextTable<4> {
    let mut table = TextTable::new([TableColumn::LEFT; 4]);
    table.extend(refused.iter().take(MAX_LISTED).map(|secret| {
        let RefusedSecret {
            place,
            kind,
            rule,
            fingerprint,
            ..
        } = secret;
        [place, kind, rule, fingerprint].map(Clone::clone)
    }));
    if let Some(more) = refused
        .len()
        .checked_sub(MAX_LISTED)
        .filter(|more| *more > 0)
    {
        let mut last = [const { String::new() }; 4];
        last[0] = format!("and {more} more");
        table.push_row(last);
    }
    table
}

/// Returns what to exclude from the directories and patterns among `given` to leave all of these
/// files out; nothing if that takes too much, or if one was given by its own name.
fn exclusions(refused: &[RefusedSecret], given: &[PathBuf]) -> Vec<String> {
    let directories = FileArgument::directories_of(given);
    let mut exclude = Vec::new();
    for secret in refused {
        let below = directories.iter().find_map(|directory| {
            let below = secret.path.as_deref()?.strip_prefix(directory).ok()?;
            Some(below.to_string_lossy().into_owned())
        });
        match below {
            Some(below) if exclude.contains(&below) => {}
            Some(below) => exclude.push(below),
            None => return Vec::new(),
        }
    }
    if exclude.len() > MAX_EXCLUSIONS {
        exclude.clear();
    }
    exclude
}

/// Describes the first few secrets by line and kind.
fn described(found: &[FoundSecret]) -> String {
    let describe = |secret: &FoundSecret| format!("line {}: {}", secret.line, secret.kind);
    let mut described: Vec<String> = found.iter().take(MAX_DESCRIBED).map(describe).collect();
    if let Some(more) = found
        .len()
        .checked_sub(MAX_DESCRIBED)
        .filter(|more| *more > 0)
    {
        described.push(format!("{more} more"));
    }
    described.join("; ")
}
