//! The policies: who may have the role, and what the role may do.

use super::Plan;
use super::condition::Condition;
use super::document::{Node, Reference};
use super::error::SetupError;
use super::shell::compact;

/// The most characters of a trust policy, blanks between the parts not counted; a quota that AWS raises to 8,192 on request.
const LONGEST_TRUST_POLICY: usize = 2_048;
/// The most characters of an ARN that stands where a reference stands: `arn:aws-us-gov:rolesanywhere:…:trust-anchor/UUID`.
const ARN_LENGTH: usize = 110;

/// Joins statements to a policy.
pub(super) fn policy(statements: Vec<Node>) -> Node {
    Node::map([("Version", Node::text("2012-10-17")), ("Statement", Node::List(statements))])
}

/// Returns the trust policy: Roles Anywhere alone, from this trust anchor, for what the conditions name.
///
/// # Errors
///
/// Fails if it is longer than IAM takes.
pub(super) fn trust(plan: &Plan) -> Result<Node, SetupError> {
    let mut actions = vec!["sts:AssumeRole"];
    // With no attribute mapped there are no session tags.
    if plan.maps_anything() {
        actions.push("sts:TagSession");
    }
    actions.push("sts:SetSourceIdentity");
    // STS takes an assertion of an identity as a provided context, for which a trust policy allows this. That Roles Anywhere's
    // needs it is our reading: AWS's page does not say, and where it is not needed it allows nothing more.
    if plan.subject.is_some() {
        actions.push("sts:SetContext");
    }
    let policy = policy(vec![Node::map([
        ("Sid", Node::text("RolesAnywhere")),
        ("Effect", Node::text("Allow")),
        ("Principal", Node::map([("Service", Node::text("rolesanywhere.amazonaws.com"))])),
        ("Action", Node::texts(actions)),
        ("Condition", conditions(plan)),
    ])]);
    let length = compact(&policy).chars().count() + ARN_LENGTH;
    if length > LONGEST_TRUST_POLICY {
        let why =
            format!("makes a trust policy of {length} characters, and {LONGEST_TRUST_POLICY} are the most");
        return Err(SetupError::Flags {
            why,
            hint: "join values by a wildcard, or name fewer with --condition",
        });
    }
    Ok(policy)
}

fn conditions(plan: &Plan) -> Node {
    let mut exact = vec![(String::from("aws:SourceAccount"), Node::text(plan.place.account()))];
    let mut like: Vec<(String, Node)> = Vec::new();
    for condition in &plan.conditions {
        let key = match plan.subject {
            // Whoever may tag sessions of the role can set a tag, and nobody can set this.
            Some(subject) if subject.tag() == condition.tag => String::from("aws:OriginIdentity/Subject"),
            Some(_) | None => format!("aws:PrincipalTag/{}", condition.tag),
        };
        let list = if condition.with_wildcards { &mut like } else { &mut exact };
        list.push((key, values(condition)));
    }
    if !plan.session_names.is_empty() && plan.session_names != ["*"] {
        let names = one_or_list(&plan.session_names);
        like.push((String::from("sts:RoleSessionName"), names));
    }
    let mut operators = vec![
        (
            String::from("ArnEquals"),
            Node::map([("aws:SourceArn", Node::Reference(Reference::TrustAnchorArn))]),
        ),
        (String::from("StringEquals"), Node::Map(exact)),
    ];
    if !like.is_empty() {
        operators.push((String::from("StringLike"), Node::Map(like)));
    }
    Node::Map(operators)
}

fn values(condition: &Condition) -> Node {
    one_or_list(&condition.values)
}

fn one_or_list(texts: &[String]) -> Node {
    match texts {
        [text] => Node::text(text),
        texts => Node::texts(texts),
    }
}

/// Returns the policies inside the role, each with its name.
pub(super) fn of_role(plan: &Plan) -> Vec<(&'static str, Node)> {
    let permissions = plan.policy.clone().map(|policy| ("permissions", policy));
    let second_hop = plan.second_hop.as_ref().map(|role| {
        let statement = Node::map([
            ("Sid", Node::text("SecondHop")),
            ("Effect", Node::text("Allow")),
            ("Action", Node::texts(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"])),
            ("Resource", Node::text(role.to_string())),
        ]);
        ("second-hop", policy(vec![statement]))
    });
    let egress = (!plan.networks.is_empty() || !plan.vpcs.is_empty()).then(|| ("egress", egress(plan)));
    [permissions, second_hop, egress].into_iter().flatten().collect()
}

/// Denies whatever is called from elsewhere. What AWS's own services call for the role is let through, and in a VPC endpoint
/// there is no source address.
///
/// See [IAM's example].
///
/// [IAM's example]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_deny-ip.html
fn egress(plan: &Plan) -> Node {
    let mut operators = Vec::new();
    if !plan.networks.is_empty() {
        operators.push(("NotIpAddress", Node::map([("aws:SourceIp", Node::texts(&plan.networks))])));
    }
    if !plan.vpcs.is_empty() {
        operators.push(("StringNotEqualsIfExists", Node::map([("aws:SourceVpc", Node::texts(&plan.vpcs))])));
    }
    operators.push(("Bool", Node::map([("aws:ViaAWSService", Node::text("false"))])));
    policy(vec![Node::map([
        ("Sid", Node::text("OnlyFromHere")),
        ("Effect", Node::text("Deny")),
        ("Action", Node::text("*")),
        ("Resource", Node::text("*")),
        ("Condition", Node::map(operators)),
    ])])
}

/// Returns the statement that the second role's trust policy needs: this role, with the source identity that its session has.
pub(super) fn second_hop_trust(plan: &Plan) -> Option<Node> {
    plan.second_hop.as_ref()?;
    let role = plan.place.role_arn(&plan.name);
    Some(Node::map([
        ("Sid", Node::text("FromRolesAnywhere")),
        ("Effect", Node::text("Allow")),
        ("Principal", Node::map([("AWS", Node::text(role))])),
        ("Action", Node::texts(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"])),
    ]))
}
