//! CloudFormation's intrinsic functions: what they make as far as it is known before a stack is, and unknown values for the
//! rest.
//!
//! See the [reference of intrinsic functions].
//!
//! [reference of intrinsic functions]: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html

use super::super::node::{HOLE, Member, Node, Value};

/// Replaces every function in a value.
pub(super) fn resolved(node: &Node) -> Node {
    resolve(node).unwrap_or_else(|| Node::new(node.line, Value::Null))
}

/// Replaces functions; `None` for `AWS::NoValue`, which is as if the member were not there.
fn resolve(node: &Node) -> Option<Node> {
    let line = node.line;
    match &node.value {
        Value::Map(members) => match members.as_slice() {
            [Member { key, node: argument, .. }] if key == "Ref" || key.starts_with("Fn::") => {
                function(key, argument, line)
            }
            members => {
                let resolved = members.iter().filter_map(|member| {
                    let node = resolve(&member.node)?;
                    Some(Member { key: member.key.clone(), line: member.line, node })
                });
                Some(Node::new(line, Value::Map(resolved.collect())))
            }
        },
        Value::List(nodes) => {
            let resolved = nodes.iter().flat_map(|node| match branches(node) {
                // Either may be there once the stack is: both are looked at.
                Some(branches) => branches.iter().filter_map(resolve).collect::<Vec<_>>(),
                None => resolve(node).into_iter().collect(),
            });
            Some(Node::new(line, Value::List(resolved.collect())))
        }
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::Text(_) | Value::Unknown(_) => {
            Some(node.clone())
        }
    }
}

/// Returns both values of a condition.
fn branches(node: &Node) -> Option<&[Node]> {
    match node.members() {
        [Member { key, node, .. }] if key == "Fn::If" => node.one_or_more().get(1..3),
        _ => None,
    }
}

fn function(name: &str, argument: &Node, line: usize) -> Option<Node> {
    let unknown =
        |reference: Option<&str>| Some(Node::new(line, Value::Unknown(reference.map(str::to_owned))));
    match name {
        "Ref" => match argument.as_text() {
            Some("AWS::NoValue") => None,
            Some("AWS::URLSuffix") => Some(Node::text(line, "amazonaws.com")),
            reference => unknown(reference),
        },
        "Fn::GetAtt" => match &argument.value {
            Value::Text(text) => unknown(text.split('.').next()),
            Value::List(parts) => unknown(parts.first().and_then(Node::as_text)),
            Value::Bool(_) | Value::Map(_) | Value::Null | Value::Number(_) | Value::Unknown(_) => {
                unknown(None)
            }
        },
        "Fn::Sub" => {
            let template = argument.one_or_more().first().and_then(Node::as_text);
            template.map_or_else(|| unknown(None), |text| Some(Node::text(line, substituted(text))))
        }
        "Fn::Join" => {
            let [separator, list] = argument.one_or_more() else { return unknown(None) };
            let list = resolved(list);
            let Value::List(parts) = &list.value else { return unknown(None) };
            let parts: Option<Vec<String>> = parts.iter().map(Node::scalar).collect();
            match (separator.as_text(), parts) {
                (Some(separator), Some(parts)) => Some(Node::text(line, parts.join(separator))),
                (Some(_) | None, _) => unknown(None),
            }
        }
        _ => unknown(None),
    }
}

/// Replaces `${Name}`; `${!Name}` stays, as `${Name}`. IAM's own variables, which have a colon that is no CloudFormation's,
/// must be written so.
fn substituted(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        result.push_str(before);
        let Some(end) = from.find('}') else {
            rest = from;
            break;
        };
        match &from[2..end] {
            "AWS::URLSuffix" => result.push_str("amazonaws.com"),
            literal if literal.starts_with('!') => {
                result.push_str("${");
                result.push_str(&literal[1..]);
                result.push('}');
            }
            _ => result.push(HOLE),
        }
        rest = &from[end + 1..];
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_said_and_the_rest_is_unknown() {
        let json = serde_json::json!({
            "sub": {"Fn::Sub": "arn:${AWS::Partition}:s3:::b/${!aws:username}/*"},
            "join": {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":x"]]},
            "none": {"Ref": "AWS::NoValue"},
            "list": [{"Fn::If": ["C", "a", {"Ref": "AWS::NoValue"}]}, "b"],
            "role": {"Fn::GetAtt": "Role.Arn"},
            "other": {"Fn::ImportValue": {"Fn::Sub": "x"}},
        });
        let node = resolved(&Node::of_json(&json, 1));
        assert_eq!(node.get("sub").unwrap().as_text(), Some("arn:\u{fffc}:s3:::b/${aws:username}/*"));
        assert_eq!(node.get("join").unwrap().as_text(), Some("arn:\u{fffc}:x"));
        assert_eq!(node.get("none"), None);
        let list: Vec<_> = node.get("list").unwrap().one_or_more().iter().filter_map(Node::as_text).collect();
        assert_eq!(list, ["a", "b"]);
        assert_eq!(node.get("role").unwrap().reference(), Some("Role"));
        assert!(node.get("other").unwrap().is_unknown());
    }
}
