//! Templates: Markdown with a TOML head between `+++` lines, and placeholders such as `{{key}}`.

use serde_json::{Map, Value, json};
use toml_edit::{Document, Item};

use super::Error;
use crate::media::ImageSize;
use crate::protocol::{EFFORT_LEVELS, FieldShape, REQUEST_FIELDS, RequestField};
use crate::text::{did_you_mean, toml_error_text};

/// The line before and after the head.
const FENCE: &str = "+++";

/// The same line of YAML, which is not read.
const YAML_FENCE: &str = "---";

/// The keys of a head other than the request's fields.
const MODEL: &str = "model";
const PREFILL: &str = "prefill";
const IMAGE_SIZE: &str = "image_size";

/// A saved prompt.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Template {
    /// The request fields that the head sets.
    pub(crate) fields: Map<String, Value>,
    /// The beginning of the answer.
    pub(crate) prefill: Option<String>,
    /// How images are changed before they are sent, in the syntax of the flag.
    pub(crate) image_size: Option<String>,
    name: String,
    body: String,
}

/// The values of a template's placeholders.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Places<'a> {
    /// `{{KEY}}`, from `--param`.
    pub(crate) params: &'a [(String, String)],
    /// `{{prompt}}`: the prompt of the command line.
    pub(crate) prompt: Option<&'a str>,
    /// `{{stdin}}`
    pub(crate) stdin: Option<&'a str>,
}

impl Template {
    /// Parses a template; `name` is its file's name for messages.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let (head, body) = split(name, text)?;
        let mut template = Self {
            name: name.to_owned(),
            body: body.trim().to_owned(),
            ..Self::default()
        };
        // The head begins on the line after the first fence.
        let line_at = |offset: usize| 2 + head[..offset.min(head.len())].matches('\n').count();
        let document = Document::parse(head).map_err(|error| {
            let line = line_at(error.span().map_or(0, |span| span.start));
            malformed(
                name,
                format!("line {line}: {}", toml_error_text(error.message())),
            )
        })?;
        for (key, item) in document.iter() {
            let span = document
                .key(key)
                .and_then(toml_edit::Key::span)
                .or_else(|| item.span());
            let line = line_at(span.map_or(0, |span| span.start));
            template
                .set(key, item)
                .map_err(|why| malformed(name, format!("line {line}: {why}")))?;
        }
        Ok(template)
    }

    fn set(&mut self, key: &str, item: &Item) -> Result<(), String> {
        if key == MODEL || key == PREFILL {
            let text = item
                .as_str()
                .ok_or_else(|| format!("`{key}`: must be text"))?;
            if key == PREFILL {
                self.prefill = Some(text.to_owned());
            } else {
                self.fields.insert(key.to_owned(), json!(text));
            }
            return Ok(());
        }
        if key == IMAGE_SIZE {
            let number = item.as_integer().map(|number| number.to_string());
            let text = number.or_else(|| item.as_str().map(str::to_owned));
            let text = text.ok_or_else(|| {
                format!("`{key}`: must be \"fit\", \"keep\" or a number of pixels")
            })?;
            ImageSize::parse(&text).map_err(|why| format!("`{key}`: {why}"))?;
            self.image_size = Some(text);
            return Ok(());
        }
        let Some(field) = RequestField::named(key) else {
            let known = REQUEST_FIELDS.iter().map(|field| field.name);
            let known = known.chain([MODEL, PREFILL, IMAGE_SIZE]);
            return Err(format!("unknown key `{key}`{}", did_you_mean(key, known)));
        };
        let value = value(field.shape, item).ok_or_else(|| field.shape.needed());
        let value = value.and_then(|value| field.check(&value).map(|()| value));
        let value = value.map_err(|needed| format!("`{key}`: {needed}"))?;
        self.fields.insert(field.key.to_owned(), value);
        Ok(())
    }

    /// Returns what the head sets of the text that is sent, as JSON.
    pub(crate) fn head(&self) -> Value {
        json!({"fields": self.fields, "prefill": self.prefill})
    }

    /// Replaces what the head sets of the text that is sent.
    pub(crate) fn set_head(&mut self, mut head: Value) {
        if let Value::Object(fields) = head["fields"].take() {
            self.fields = fields;
        }
        if let Value::String(prefill) = head["prefill"].take() {
            self.prefill = Some(prefill);
        }
    }

    /// Whether there is a placeholder for standard input.
    pub(crate) fn has_stdin(&self) -> bool {
        self.texts()
            .any(|text| keys(text).any(|key| key == "stdin"))
    }

    /// Returns the prompt, and the system prompt in the head, before anything is filled in.
    pub(crate) fn identity(&self) -> String {
        self.texts().collect::<Vec<_>>().join("\0")
    }

    /// Whether there is more than a head.
    pub(crate) fn has_body(&self) -> bool {
        !self.body.is_empty()
    }

    /// Fills the placeholders, also in the system prompt, and returns the prompt. A prompt without
    /// a placeholder is appended to the template.
    pub(crate) fn fill(&mut self, given: Places) -> Result<Option<String>, Error> {
        let unused = given
            .params
            .iter()
            .find(|(name, _)| !self.texts().any(|text| keys(text).any(|key| key == name)));
        if let Some((key, _)) = unused {
            let keys: Vec<_> = self.texts().flat_map(keys).collect();
            let why = format!(
                "the template has no {{{{{key}}}}} for the parameter `{key}`{}",
                did_you_mean(key, keys)
            );
            return Err(malformed(&self.name, why));
        }
        let has_prompt = self
            .texts()
            .any(|text| keys(text).any(|key| key == "prompt"));
        let mut prompt = self.filled(&self.body, given)?;
        if let Some(words) = given.prompt.filter(|_| !has_prompt) {
            if !prompt.is_empty() {
                prompt.push_str("\n\n");
            }
            prompt.push_str(words);
        }
        if let Some(Value::String(system)) = self.fields.get("system") {
            let system = self.filled(system, given)?;
            self.fields
                .insert("system".to_owned(), Value::String(system));
        }
        Ok(Some(prompt).filter(|prompt| !prompt.is_empty()))
    }

    fn filled(&self, text: &str, given: Places) -> Result<String, Error> {
        let mut filled = String::with_capacity(text.len());
        let mut end = 0;
        for place in places(text) {
            let value = match place.key {
                None => Some("{{"),
                Some("prompt") => given.prompt,
                Some("stdin") => given.stdin,
                Some(key) => {
                    let mut params = given.params.iter();
                    let found = params.find(|(name, _)| name == key);
                    found.map(|(_, value)| value.as_str())
                }
            };
            let value = value.or(place.default).ok_or_else(|| {
                let why = match place.key.unwrap_or_default() {
                    "prompt" => "the template needs a prompt: add one after the flags".to_owned(),
                    "stdin" => "the template needs standard input: pipe it in".to_owned(),
                    key => format!("the template needs the parameter `{key}`: add -p {key}=VALUE"),
                };
                malformed(&self.name, why)
            })?;
            filled.push_str(&text[end..place.start]);
            filled.push_str(value);
            end = place.end;
        }
        filled.push_str(&text[end..]);
        Ok(filled)
    }

    /// Returns the texts that may contain placeholders.
    fn texts(&self) -> impl Iterator<Item = &str> {
        [
            Some(self.body.as_str()),
            self.fields.get("system").and_then(Value::as_str),
        ]
        .into_iter()
        .flatten()
    }
}

/// Splits a template into head and body. Without a fence on its first line, it has no head.
fn split<'a>(name: &str, text: &'a str) -> Result<(&'a str, &'a str), Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| line.trim_end() == FENCE) else {
        if has_yaml_head(text) {
            let why = format!(
                "the header is YAML: write it in TOML (`key = \"value\"`) between two lines \
                    `{FENCE}`"
            );
            return Err(malformed(name, why));
        }
        return Ok(("", text));
    };
    let mut end = first.len();
    for line in lines {
        if line.trim_end() == FENCE {
            return Ok((&text[first.len()..end], &text[end + line.len()..]));
        }
        end += line.len();
    }
    Err(malformed(
        name,
        format!("the header is not closed: its closing `{FENCE}` line is missing"),
    ))
}

/// Whether a text begins with a header as other programs have it: `key: value` between two lines
/// `---`. Without such lines, `---` is a rule of Markdown.
fn has_yaml_head(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_end);
    if lines.next() != Some(YAML_FENCE) {
        return false;
    }
    let is_pair = |line: &str| {
        let key = line.split_once(':').map_or("", |(key, _)| key);
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        !key.is_empty() && key.chars().all(is_letter)
    };
    let mut has_pair = false;
    for line in lines {
        if line == YAML_FENCE {
            return has_pair;
        }
        has_pair |= is_pair(line);
    }
    false
}

/// Converts a value of the head to the one in the request body; `None` if it has the wrong type.
fn value(shape: FieldShape, item: &Item) -> Option<Value> {
    match shape {
        FieldShape::Count => {
            let number = item.as_integer()?;
            Some(json!(u64::try_from(number).ok()?))
        }
        FieldShape::Fraction => {
            // A TOML `1` is not a float.
            let whole = item
                .as_integer()
                .and_then(|number| i32::try_from(number).ok())
                .map(f64::from);
            item.as_float().or(whole).map(|number| json!(number))
        }
        FieldShape::Texts => match item.as_str() {
            Some(text) => Some(json!([text])),
            None => item
                .as_array()?
                .iter()
                .map(|text| text.as_str().map(Value::from))
                .collect::<Option<_>>(),
        },
        FieldShape::UserId => Some(json!({ "user_id": item.as_str()? })),
        FieldShape::Prompt => item.as_str().map(Value::from),
        FieldShape::Thinking => match item.as_integer() {
            Some(budget) => Some(json!(budget)),
            None => item.as_str().map(Value::from),
        },
        FieldShape::Effort => {
            let level = item
                .as_str()
                .filter(|level| EFFORT_LEVELS.contains(level))?;
            Some(json!({ "effort": level }))
        }
    }
}

/// A part of a template that is replaced: `{{key}}` or `{{key|default}}`, with or without white
/// space around the key; or `{{{{`, which stands for `{{`.
struct Place<'a> {
    /// The key; `None` for literal braces.
    key: Option<&'a str>,
    /// What it is replaced by if nothing else is given.
    default: Option<&'a str>,
    start: usize,
    end: usize,
}

impl<'a> Place<'a> {
    /// Reads what begins with the braces at `start`. Braces around anything but a name are plain
    /// text. Only the name and the default are looked at, so that the time does not grow faster
    /// than the text.
    fn at(text: &'a str, start: usize) -> Option<Self> {
        let inside = &text[start + 2..];
        if inside.starts_with("{{") {
            return Some(Self {
                key: None,
                default: None,
                start,
                end: start + 4,
            });
        }
        let inside = inside.trim_start();
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        let length = inside.find(|letter| !is_letter(letter))?;
        let (key, behind) = inside.split_at(length);
        if !key.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_') {
            return None;
        }
        let behind = behind.trim_start();
        let (default, rest) = match behind.strip_prefix('|') {
            None => (None, behind.strip_prefix("}}")?),
            Some(behind) => {
                let length = behind.find(['{', '}', '\n'])?;
                (
                    Some(&behind[..length]),
                    behind[length..].strip_prefix("}}")?,
                )
            }
        };
        Some(Self {
            key: Some(key),
            default,
            start,
            end: text.len() - rest.len(),
        })
    }
}

/// Finds the parts that are replaced.
fn places(text: &str) -> impl Iterator<Item = Place<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + text[from..].find("{{")?;
            let place = Place::at(text, start);
            from = place.as_ref().map_or(start + 2, |place| place.end);
            if place.is_some() {
                return place;
            }
        }
    })
}

/// Finds the keys of the placeholders.
fn keys(text: &str) -> impl Iterator<Item = &str> {
    places(text).filter_map(|place| place.key)
}

/// Returns the error for an invalid file.
fn malformed(name: &str, reason: String) -> Error {
    Error::Template {
        name: name.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Template::parse("`t.md`", text).expect_err(text).to_string()
    }

    #[test]
    fn a_head_sets_fields_and_the_rest_is_the_prompt() {
        let text = "+++\nmodel = \"m\"\nsystem = \"Be {{tone}}.\"\ntemperature = 1\nstop = \"END\"\nprefill = \"{\"\n+++\n\n\
                    # {{ title }}\n{{prompt}}\n{{not a place}} {{}}\n";
        let mut template = Template::parse("`t.md`", text).expect("a template");
        let params = [
            ("tone".to_owned(), "kind".to_owned()),
            ("title".to_owned(), "{{prompt}}".to_owned()),
        ];
        let prompt = template.fill(Places {
            params: &params,
            prompt: Some("Why?"),
            stdin: None,
        });
        assert_eq!(
            prompt.expect("filled").as_deref(),
            Some("# {{prompt}}\nWhy?\n{{not a place}} {{}}")
        );
        let fields = json!({"model": "m", "system": "Be kind.", "temperature": 1.0, "stop_sequences": ["END"]});
        assert_eq!(Value::Object(template.fields), fields);
        assert_eq!(template.prefill.as_deref(), Some("{"));
    }

    #[test]
    fn words_without_a_place_stand_below_the_template() {
        let mut template = Template::parse("`t.md`", "Summarise it.\n").expect("a template");
        let prompt = template
            .fill(Places {
                prompt: Some("Briefly"),
                ..Places::default()
            })
            .expect("filled");
        assert_eq!(prompt.as_deref(), Some("Summarise it.\n\nBriefly"));
    }

    #[test]
    fn what_is_wrong_in_a_head_is_told_with_its_line() {
        assert_eq!(
            error("+++\n\nmodle = \"m\"\n+++\n"),
            "`t.md`: line 3: unknown key `modle`; did you mean `model`?"
        );
        assert_eq!(
            error("+++\ntools = []\n+++\n"),
            "`t.md`: line 2: unknown key `tools`"
        );
        assert_eq!(
            error("+++\nmodel = \"m\"\ntop_p = 2\n+++"),
            "`t.md`: line 3: `top_p`: must be a number from 0 to 1"
        );
        assert!(error("+++\nmodel = \"m\"\nmodel =\n+++").starts_with("`t.md`: line 3: "));
        assert!(error("+++\nmodel = \"m\"\n").contains("not closed"));
    }

    #[test]
    fn a_place_may_have_a_default_and_doubled_braces_are_literal() {
        let text = "{{tone|kind}} {{ n | 3 }}{{e|}} {{{{tone}} {{a|{b}}} {{stdin|no input}} {{c|x";
        let fill = |params: &[(String, String)]| {
            let mut template = Template::parse("`t.md`", text).expect("a template");
            let given = Places {
                params,
                ..Places::default()
            };
            template.fill(given).expect("filled")
        };
        assert_eq!(
            fill(&[]).as_deref(),
            Some("kind  3  {{tone}} {{a|{b}}} no input {{c|x")
        );
        let params = [("tone".to_owned(), "{{e}}".to_owned())];
        assert_eq!(
            fill(&params).as_deref(),
            Some("{{e}}  3  {{tone}} {{a|{b}}} no input {{c|x")
        );
    }

    #[test]
    fn a_head_of_yaml_is_named_as_such() {
        let message = error("---\nmodel: m\ntags: [a]\n---\nWhy?\n");
        assert!(
            message.starts_with("`t.md`: the header is YAML"),
            "{message}"
        );
        for text in [
            "---\n\nA rule above\n",
            "---\nSome prose.\n---\nmore: it\n",
            "a\n---\nb: c\n---\n",
        ] {
            assert!(Template::parse("`t.md`", text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_missing_and_an_unused_parameter_are_named() {
        let fill = |text, key: &str| {
            let params = [(key.to_owned(), "v".to_owned())];
            let mut template = Template::parse("`t.md`", text).expect("a template");
            template
                .fill(Places {
                    params: &params,
                    ..Places::default()
                })
                .expect_err(text)
                .to_string()
        };
        assert!(fill("{{a}} {{other}}", "a").contains("`other`: add -p other=VALUE"));
        let unused =
            "`t.md`: the template has no {{lnag}} for the parameter `lnag`; did you mean `lang`?";
        assert_eq!(fill("{{lang}}", "lnag"), unused);
        assert!(fill("{{a}} {{prompt}}", "a").contains("needs a prompt"));
        assert!(fill("{{a}} {{stdin}}", "a").contains("needs standard input"));
    }

    #[test]
    fn each_character_of_a_template_is_looked_at_a_few_times_whatever_surrounds_it() {
        // If what follows each `{{` were searched to its end, this would take minutes.
        for unit in ["{{", "{{a", "{{ ", "{", "{{}", "}}{{"] {
            let text = unit.repeat(400_000 / unit.len());
            assert_eq!(keys(&text).count(), 0, "{unit}");
        }
    }
}
