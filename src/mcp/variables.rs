//! `${VAR}` and `${VAR:-default}` in the environment and the headers of a server. Pure.

use std::fmt;

/// A value with references to variables, as it was written. It may be a token, so it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct VariableText(String);

impl fmt::Debug for VariableText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("VariableText(masked)")
    }
}

/// A variable that a value needs and that is not set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MissingVariable(pub(crate) String);

impl VariableText {
    /// Accepts a value as it was written.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the value as it was written.
    pub(crate) fn as_written(&self) -> &str {
        &self.0
    }

    /// Replaces the references. `variable` returns what may be used of a variable; an empty one
    /// counts as not set. What is put in is not searched for further references.
    pub(crate) fn expand(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<String, MissingVariable> {
        let mut expanded = String::new();
        let mut rest = self.0.as_str();
        while let Some(start) = rest.find("${") {
            let after = &rest[start + 2..];
            let reference = after.split_once('}').and_then(|(inside, behind)| {
                let (name, default) = match inside.split_once(":-") {
                    Some((name, default)) => (name, Some(default)),
                    None => (inside, None),
                };
                is_variable_name(name).then_some((name, default, behind))
            });
            let Some((name, default, behind)) = reference else {
                expanded.push_str(&rest[..start + 2]);
                rest = after;
                continue;
            };
            expanded.push_str(&rest[..start]);
            let value = variable(name).filter(|value| !value.is_empty());
            match (value, default) {
                (Some(value), _) => expanded.push_str(&value),
                (None, Some(default)) => expanded.push_str(default),
                (None, None) => return Err(MissingVariable(name.to_owned())),
            }
            rest = behind;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

fn is_variable_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, MissingVariable> {
        VariableText::new(text).expand(|name| match name {
            "A" => Some("a${B}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn references_are_replaced_once_and_other_text_stays() {
        for (text, expected) in [
            ("x${A}y${A}", "xa${B}ya${B}"),
            ("${B:-b}${EMPTY:-e}", "be"),
            ("${B:-}", ""),
            ("$A $ ${ ${} ${1} ${a b} }", "$A $ ${ ${} ${1} ${a b} }"),
            ("${A", "${A"),
        ] {
            assert_eq!(expanded(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_variable_that_is_not_set_is_an_error_unless_there_is_a_default() {
        for name in ["B", "EMPTY"] {
            let text = format!("x${{{name}}}");
            assert_eq!(expanded(&text), Err(MissingVariable(name.to_owned())));
        }
    }
}
