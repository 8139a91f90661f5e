//! The answers to `tools/list`. Pure.

use serde_json::Value;

use crate::protocol::ExactJson;

/// The most pages that are asked for: a server that always names a further one would never end.
pub(super) const MAX_PAGES: usize = 100;

/// A tool as its server describes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListedTool {
    /// Its name at the server.
    pub(crate) name: String,
    /// Its description for the model.
    pub(crate) description: Option<String>,
    /// The schema of its input.
    pub(crate) input_schema: ExactJson,
    /// Whether the server says that a call may destroy something. Other annotations have no effect:
    /// a server's word can only raise what is asked.
    pub(crate) is_destructive: bool,
}

/// One page of tools.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ToolPage {
    pub(super) tools: Vec<ListedTool>,
    /// What the next page is asked for with.
    pub(super) next_cursor: Option<String>,
}

/// Reads a page; the error says what is wrong with it. What is not a tool is left out.
pub(super) fn read_page(result: &ExactJson) -> Result<ToolPage, String> {
    let tools = result.field("tools").filter(|tools| tools.is_array());
    let Some(tools) = tools else {
        return Err("its answer to `tools/list` is not a list of tools".to_owned());
    };
    Ok(ToolPage {
        tools: tools.items().iter().filter_map(read_tool).collect(),
        next_cursor: result["nextCursor"]
            .as_str()
            .filter(|cursor| !cursor.is_empty())
            .map(str::to_owned),
    })
}

fn read_tool(tool: &ExactJson) -> Option<ListedTool> {
    let name = tool["name"].as_str().filter(|name| !name.is_empty())?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let title = text(&tool["title"]).or_else(|| text(&tool["annotations"]["title"]));
    Some(ListedTool {
        name: name.to_owned(),
        description: text(&tool["description"]).or(title),
        input_schema: tool.field("inputSchema").unwrap_or_default(),
        is_destructive: tool["annotations"]["destructiveHint"] == true,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_has_tools_and_the_place_of_the_next_one() {
        let page = read_page(&json!({
            "tools": [
                {"name": "a", "description": "A.", "inputSchema": {"type": "object"}, "icons": []},
                {"name": "b", "title": "B", "annotations": {"destructiveHint": true}},
                {"name": ""}, 5, {"description": "no name"},
            ],
            "nextCursor": "2",
        }).into())
        .expect("a page");
        assert_eq!(page.next_cursor.as_deref(), Some("2"));
        let [first, second] = page.tools.as_slice() else {
            panic!("{page:?}");
        };
        assert_eq!(
            (first.description.as_deref(), first.is_destructive),
            (Some("A."), false)
        );
        assert_eq!(
            (second.description.as_deref(), second.is_destructive),
            (Some("B"), true)
        );
        assert_eq!(second.input_schema, Value::Null);
    }

    #[test]
    fn an_answer_that_is_not_a_list_is_an_error_and_no_cursor_ends_it() {
        assert!(read_page(&json!({"tools": {}}).into()).is_err());
        for last in [json!({"tools": []}), json!({"tools": [], "nextCursor": ""})] {
            assert_eq!(read_page(&last.into()), Ok(ToolPage::default()));
        }
    }
}
