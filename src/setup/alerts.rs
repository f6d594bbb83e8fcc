//! Alerts: whoever changes what IAM or Roles Anywhere trusts is told of, by EventBridge and an SNS topic.
//!
//! The events come from CloudTrail, of which a trail must log management events. IAM's reach EventBridge in one region of a
//! partition only, those of Roles Anywhere in the trust anchor's.

use super::document::{Node, Reference};
use super::hcl::{self, Item};
use super::shell::{self, Command, variable};
use super::terraform::{self, block, opening};
use super::{Format, Place, cloudformation, commands, yaml};

/// What the topic and the rules are called.
const NAME: &str = "anyrole-alerts";

/// What changes who may do what: users, their keys and passwords, and policies.
const IAM: &[&str] = &[
    "AddUserToGroup",
    "AttachGroupPolicy",
    "AttachRolePolicy",
    "AttachUserPolicy",
    "CreateAccessKey",
    "CreateLoginProfile",
    "CreatePolicyVersion",
    "CreateRole",
    "CreateUser",
    "DeleteGroupPolicy",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DeleteUserPermissionsBoundary",
    "DeleteUserPolicy",
    "DetachGroupPolicy",
    "DetachRolePolicy",
    "DetachUserPolicy",
    "PutGroupPolicy",
    "PutRolePolicy",
    "PutUserPolicy",
    "SetDefaultPolicyVersion",
    "UpdateAccessKey",
    "UpdateAssumeRolePolicy",
    "UpdateLoginProfile",
];

/// What changes whom Roles Anywhere trusts.
const ROLES_ANYWHERE: &[&str] = &[
    "CreateProfile",
    "CreateTrustAnchor",
    "DeleteAttributeMapping",
    "DeleteCrl",
    "DeleteProfile",
    "DeleteTrustAnchor",
    "DisableCrl",
    "DisableProfile",
    "DisableTrustAnchor",
    "EnableCrl",
    "EnableProfile",
    "EnableTrustAnchor",
    "ImportCrl",
    "PutAttributeMapping",
    "PutNotificationSettings",
    "ResetNotificationSettings",
    "UpdateCrl",
    "UpdateProfile",
    "UpdateTrustAnchor",
];

/// One rule of EventBridge.
struct Rule {
    /// `iam` or `rolesanywhere`, which is the service's name in events.
    service: &'static str,
    /// Its logical id in a template.
    id: &'static str,
    events: &'static [&'static str],
}

const RULES: [Rule; 2] = [
    Rule { service: "iam", id: "IamRule", events: IAM },
    Rule { service: "rolesanywhere", id: "RolesAnywhereRule", events: ROLES_ANYWHERE },
];

impl Rule {
    fn region<'a>(&self, place: &'a Place) -> &'a str {
        if self.service == "iam" { place.iam_region() } else { place.region() }
    }

    fn name(&self) -> String {
        format!("{NAME}-{}", self.service)
    }

    fn pattern(&self) -> Node {
        Node::map([
            ("source", Node::texts([format!("aws.{}", self.service)])),
            ("detail-type", Node::texts(["AWS API Call via CloudTrail"])),
            (
                "detail",
                Node::map([
                    ("eventSource", Node::texts([format!("{}.amazonaws.com", self.service)])),
                    ("eventName", Node::texts(self.events.iter().copied())),
                ]),
            ),
        ])
    }
}

/// Writes the rules and the topic, with a subscription of each e-mail address.
pub fn write(place: &Place, addresses: &[String], format: Format) -> String {
    match format {
        Format::Cli => cli(place, addresses),
        Format::CloudFormation => template(place, addresses),
        Format::Terraform => configuration(place, addresses),
    }
}

fn regions(place: &Place) -> Vec<&str> {
    let mut regions = vec![place.region()];
    if place.iam_region() != place.region() {
        regions.push(place.iam_region());
    }
    regions
}

fn head(place: &Place, addresses: &[String], how: &str) -> String {
    let mut text = format!(
        "Alerts for account {}: changes of IAM ({}), and of trust anchors, profiles and revocation lists ({}). Written by anyrole setup; nothing was sent.\n{how}\nA trail of CloudTrail that logs management events must exist in the account.",
        place.account(),
        place.iam_region(),
        place.region()
    );
    if addresses.is_empty() {
        text.push_str("\nNobody is told yet: subscribe to the topic, or give --email ADDRESS.");
    } else {
        text.push_str("\nEach address gets a mail of SNS first, and is told after it has confirmed that.");
    }
    super::wrapped(&text)
}

/// EventBridge may publish, for rules of this account.
fn topic_policy(place: &Place) -> Node {
    let source = format!("arn:{}:events:*:{}:rule/{NAME}-*", place.partition(), place.account());
    super::policies::policy(vec![Node::map([
        ("Sid", Node::text("EventBridge")),
        ("Effect", Node::text("Allow")),
        ("Principal", Node::map([("Service", Node::text("events.amazonaws.com"))])),
        ("Action", Node::text("sns:Publish")),
        ("Resource", Node::Reference(Reference::TopicArn)),
        ("Condition", Node::map([("ArnLike", Node::map([("aws:SourceArn", Node::text(source))]))])),
    ])])
}

fn cli(place: &Place, addresses: &[String]) -> String {
    let how = "Run it with sh where the AWS CLI is signed in as an administrator of the account. It may be run again.";
    let mut text = format!("#!/bin/sh\n{}set -eu\n", shell::comment(&head(place, addresses, how)));
    text.push_str(&commands::guard(place.account()));
    for region in regions(place) {
        let aws = |operation| Command::aws(operation).text("--region", region);
        let topic = "\"$topic_arn\"";
        text.push_str(&format!("\n# In {region}.\n"));
        let create = aws("sns create-topic").text("--name", NAME);
        text.push_str(&create.into_variable(variable(Reference::TopicArn), "TopicArn").render());
        let policy = aws("sns set-topic-attributes")
            .expression("--topic-arn", topic)
            .text("--attribute-name", "Policy")
            .json("--attribute-value", &topic_policy(place));
        text.push_str(&policy.render());
        for address in addresses {
            let subscribe = aws("sns subscribe")
                .expression("--topic-arn", topic)
                .text("--protocol", "email")
                .text("--notification-endpoint", address);
            text.push_str(&subscribe.render());
        }
        for rule in RULES.iter().filter(|rule| rule.region(place) == region) {
            let put =
                aws("events put-rule").text("--name", &rule.name()).json("--event-pattern", &rule.pattern());
            text.push_str(&put.render());
            let target = Node::List(vec![Node::map([
                ("Id", Node::text("topic")),
                ("Arn", Node::Reference(Reference::TopicArn)),
            ])]);
            let targets = aws("events put-targets").text("--rule", &rule.name()).json("--targets", &target);
            text.push_str(&targets.render());
        }
    }
    text
}

fn template(place: &Place, addresses: &[String]) -> String {
    let regions = regions(place);
    let deploy = regions.iter().map(|region| {
        format!("aws cloudformation deploy --region {region} --stack-name {NAME} --template-file FILE")
    });
    let deploy: Vec<String> = deploy.collect();
    let mut how = format!("Save it as a file, then:\n  {}", deploy.join("\n  "));
    if deploy.len() > 1 {
        how.push_str("\nOne template for both regions: each makes its own rule.");
    }
    let subscriptions = addresses
        .iter()
        .map(|address| Node::map([("Protocol", Node::text("email")), ("Endpoint", Node::text(address))]));
    let mut topic = vec![("TopicName", Node::text(NAME))];
    if !addresses.is_empty() {
        topic.push(("Subscription", Node::List(subscriptions.collect())));
    }
    let policy = vec![
        ("Topics", Node::List(vec![Node::Reference(Reference::TopicArn)])),
        ("PolicyDocument", topic_policy(place)),
    ];
    let mut resources = vec![
        ("Topic", cloudformation::resource("AWS::SNS::Topic", topic)),
        ("TopicPolicy", cloudformation::resource("AWS::SNS::TopicPolicy", policy)),
    ];
    for rule in &RULES {
        let target = Node::map([("Id", Node::text("topic")), ("Arn", Node::Reference(Reference::TopicArn))]);
        let properties = vec![
            ("Name", Node::text(rule.name())),
            ("EventPattern", rule.pattern()),
            ("Targets", Node::List(vec![target])),
        ];
        let mut resource = cloudformation::resource("AWS::Events::Rule", properties);
        if let (Node::Map(members), true) = (&mut resource, regions.len() > 1) {
            members.insert(1, (String::from("Condition"), Node::text(condition(rule))));
        }
        resources.push((rule.id, resource));
    }
    let mut members = vec![
        ("AWSTemplateFormatVersion", Node::text("2010-09-09")),
        ("Description", Node::text("Alerts for changes of IAM and of IAM Roles Anywhere")),
    ];
    if regions.len() > 1 {
        let here = RULES.iter().map(|rule| {
            let is = Node::List(vec![
                Node::map([("Ref", Node::text("AWS::Region"))]),
                Node::text(rule.region(place)),
            ]);
            (condition(rule), Node::map([("Fn::Equals", is)]))
        });
        members.push(("Conditions", Node::map(here)));
    }
    members.push(("Resources", Node::map(resources)));
    let document = yaml::document(&Node::map(members), &cloudformation::function);
    yaml::comment(&head(place, addresses, &how)) + "\n" + &document
}

fn condition(rule: &Rule) -> String {
    format!("{}Region", rule.id.trim_end_matches("Rule"))
}

fn configuration(place: &Place, addresses: &[String]) -> String {
    let how = "Save it as a file in a folder of its own, then:\n  terraform init && terraform apply";
    let mut items = vec![Item::Comment(head(place, addresses, how))];
    let regions = regions(place);
    // The first region is the provider's default; its resources bear the plain label.
    let labels = ["alerts", "alerts_iam"];
    let aliases: Vec<(&str, &str)> = ["", "iam"].into_iter().zip(regions.iter().copied()).collect();
    items.extend(opening(&aliases, place.account(), terraform::PROVIDER));
    let mut text = hcl::file(&items, &|reference| terraform::expression(reference, ""));
    for ((alias, region), label) in aliases.iter().zip(labels) {
        let provider = (!alias.is_empty()).then(|| Item::Expression("provider", format!("aws.{alias}")));
        let resource = |kind: &str, label: &str, body: Vec<Item>| {
            block(&["resource", kind, label], provider.clone().into_iter().chain(body).collect())
        };
        let topic = Item::Expression("topic_arn", format!("aws_sns_topic.{label}.arn"));
        let mut items = vec![
            resource("aws_sns_topic", label, vec![Item::Attribute("name", Node::text(NAME))]),
            resource(
                "aws_sns_topic_policy",
                label,
                vec![
                    Item::Expression("arn", format!("aws_sns_topic.{label}.arn")),
                    Item::Attribute("policy", Node::Json(Box::new(topic_policy(place)))),
                ],
            ),
        ];
        for (index, address) in addresses.iter().enumerate() {
            let body = vec![
                topic.clone(),
                Item::Attribute("protocol", Node::text("email")),
                Item::Attribute("endpoint", Node::text(address)),
            ];
            items.push(resource("aws_sns_topic_subscription", &format!("{label}_{}", index + 1), body));
        }
        for rule in RULES.iter().filter(|rule| rule.region(place) == *region) {
            let label = format!("{label}_{}", rule.service);
            let body = vec![
                Item::Attribute("name", Node::text(rule.name())),
                Item::Attribute("event_pattern", Node::Json(Box::new(rule.pattern()))),
            ];
            items.push(resource("aws_cloudwatch_event_rule", &label, body));
            let body = vec![
                Item::Expression("rule", format!("aws_cloudwatch_event_rule.{label}.name")),
                Item::Attribute("target_id", Node::text("topic")),
                Item::Attribute("arn", Node::Reference(Reference::TopicArn)),
            ];
            items.push(resource("aws_cloudwatch_event_target", &label, body));
        }
        text.push('\n');
        text.push_str(&hcl::file(&items, &|reference| terraform::expression(reference, label)));
    }
    text
}
