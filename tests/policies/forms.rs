//! Policies inside of other languages: each finding has its file, its line and the resource's name, and what is not known yet is
//! no alarm and no error.

use super::stage::{Stage, Told, rules, told};

fn one(file: &str, line: u64, rule: &str, resource: &str) -> Told {
    Told { file: file.into(), line, rule: rule.into(), resource: resource.into() }
}

const TEMPLATE: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Bucket: {Type: String}
Resources:
  Build:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {Service: rolesanywhere.amazonaws.com}
            Action: ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
            Condition:
              ArnEquals: {"aws:SourceArn": !GetAtt Anchor.TrustAnchorArn}
              StringEquals:
                aws:PrincipalTag/x509Subject/CN: !Ref Name
                aws:PrincipalTag/x509Subject/OU: build
      Policies:
        - PolicyName: inline
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: s3:GetObject
                Resource: !Sub "arn:${AWS::Partition}:s3:::${Bucket}/*"
              - Sid: Wide
                Effect: Allow
                Action:
                  - sqs:SendMessage
                Resource: "*"
              - !If [Cond, {Effect: Allow, Action: "iam:PassRole", Resource: "*"}, !Ref "AWS::NoValue"]
  Keys:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Users: [!Ref Someone]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          Effect: Allow
          Action: s3:ListAllMyBuckets
          Resource: "*"
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - AWSLambdaBasicExecutionRole
        - S3ReadPolicy: {BucketName: !Ref Bucket}
        - Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Action: "*"
              Resource: "*"
  Store:
    Type: AWS::S3::BucketPolicy
    Properties:
      PolicyDocument:
        Statement: [{Effect: Allow, Principal: "*", Action: "s3:GetObject", Resource: "*"}]
"#;

#[test]
fn cloudformation_in_yaml_and_json() {
    let stage = Stage::set();
    stage.write("t.yaml", TEMPLATE);
    let expected = [
        one("t.yaml", 31, "policy-any-resource", "Build/inline"),
        one("t.yaml", 32, "policy-pass-role", "Build/inline"),
        one("t.yaml", 40, "policy-no-source-ip", "Keys"),
        one("t.yaml", 52, "policy-admin", "Function"),
    ];
    let (report, status) = stage.report("policy", &["t.yaml"]);
    assert_eq!((told(&report), status), (expected.to_vec(), 1));
    assert!(report["not_judged"].to_string().contains("Store"));
    let (report, status) = stage.report("trust", &["t.yaml"]);
    assert_eq!((told(&report), status), (Vec::new(), 0));

    let json = serde_json::json!({"Resources": {"P": {"Type": "AWS::IAM::Policy", "Properties": {
        "PolicyName": "p", "Roles": [{"Ref": "R"}],
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": {"Fn::FindInMap": ["a", "b", "c"]}, "Resource": {"Ref": "X"}},
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": {"Fn::Join": ["", ["*"]]}}]}}}}});
    stage.write("t.template", &serde_json::to_string_pretty(&json).unwrap());
    let found = stage.findings("policy", &["t.template"]);
    assert_eq!(rules(&found), ["policy-pass-role"]);
    assert_eq!(found[0].resource, "P");
}

const CONFIGURATION: &str = r#"data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    principals {
      type        = "Service"
      identifiers = ["rolesanywhere.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "aws:PrincipalTag/x509Subject/CN"
      values   = ["build-*"]
    }
  }
}

data "aws_iam_policy_document" "permissions" {
  source_policy_documents = [data.aws_iam_policy_document.other.json]
  statement {
    sid       = "Own"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.b.arn}/&{aws:username}/*"]
  }
  dynamic "statement" {
    for_each = var.queues
    content {
      actions   = ["sqs:SendMessage"]
      resources = ["*"]
    }
  }
}

resource "aws_iam_role" "build" {
  name               = "build"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  inline_policy {
    name   = "inline"
    policy = jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect   = "Allow"
        Action   = ["ec2:*"]
        Resource = "*"
      }]
    })
  }
}

resource "aws_iam_user_policy" "keys" {
  user   = "someone"
  policy = <<-EOF
    {
      "Version": "2012-10-17",
      "Statement": [{
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "${aws_s3_bucket.b.arn}/$${aws:username}/*"
      }]
    }
  EOF
}

resource "aws_iam_policy" "elsewhere" {
  policy = file("${path.module}/p.json")
}

resource "aws_iam_role_policy_attachment" "admin" {
  role       = aws_iam_role.build.name
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}
"#;

#[test]
fn terraform_configurations() {
    let stage = Stage::set();
    stage.write("main.tf", CONFIGURATION);
    let (report, status) = stage.report("policy", &["main.tf"]);
    assert_eq!(status, 1);
    assert_eq!(
        told(&report),
        [
            one("main.tf", 27, "policy-any-resource", "data.aws_iam_policy_document.permissions"),
            one("main.tf", 41, "policy-escalation", "aws_iam_role.build/inline"),
            one("main.tf", 41, "policy-service-wildcard", "aws_iam_role.build/inline"),
            one("main.tf", 53, "policy-no-source-ip", "aws_iam_user_policy.keys"),
        ]
    );
    let left = report["not_judged"].to_string();
    for part in ["source_policy_documents", "p.json"] {
        assert!(left.contains(part), "{part}: {left}");
    }
    assert_eq!(
        stage.findings("trust", &["main.tf"]),
        [
            one("main.tf", 2, "trust-admin-role", "data.aws_iam_policy_document.trust"),
            one("main.tf", 2, "trust-no-source-arn", "data.aws_iam_policy_document.trust"),
            one("main.tf", 11, "trust-wildcard", "data.aws_iam_policy_document.trust"),
        ]
    );
}

/// What a file says in pieces is judged as what it makes: locals, and policy documents that join others.
#[test]
fn terraform_in_pieces() {
    let stage = Stage::set();
    stage.write(
        "main.tf",
        r#"locals {
  launch = ["ec2:RunInstances", "ec2:CreateTags"]
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = local.service }, Action = "sts:AssumeRole" }]
  })
  service = "rolesanywhere.amazonaws.com"
}

resource "aws_iam_role" "build" {
  assume_role_policy = local.trust
}

data "aws_iam_policy_document" "pass" {
  statement {
    sid       = "Pass"
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
  statement {
    sid       = "Everything"
    actions   = ["*"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "all" {
  source_policy_documents   = [data.aws_iam_policy_document.pass.json, data.aws_iam_policy_document.there.json]
  override_policy_documents = [data.aws_iam_policy_document.less.json]
  statement {
    actions   = local.launch
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "less" {
  statement {
    sid       = "Everything"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::b/*"]
  }
}

resource "aws_iam_role_policy" "all" {
  role   = aws_iam_role.build.id
  policy = data.aws_iam_policy_document.all.json
}
"#,
    );
    let (report, _) = stage.report("policy", &["main.tf"]);
    let all = "data.aws_iam_policy_document.all";
    assert_eq!(
        told(&report),
        [
            // Passing a role and starting an instance with it, of two documents; what lets everything is overridden.
            one("main.tf", 2, "policy-escalation", all),
            one("main.tf", 17, "policy-pass-role", all),
            one("main.tf", 32, "policy-any-resource", all),
        ]
    );
    let left = report["not_judged"].to_string();
    assert!(left.contains("aws_iam_policy_document.there") && !left.contains("local."), "{left}");
    let trust = stage.findings("trust", &["main.tf"]);
    assert!(trust.contains(&one("main.tf", 5, "trust-no-source-arn", "aws_iam_role.build")), "{trust:?}");
}

/// The files of a folder are one configuration, and what two folders call by one name are two things.
#[test]
fn terraform_in_files() {
    let stage = Stage::set();
    let main = r#"resource "aws_iam_role" "this" {
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}
"#;
    let documents = r#"
data "aws_iam_policy_document" "this" {
  source_policy_documents = [data.aws_iam_policy_document.pass.json]
  statement {
    actions   = local.launch
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    principals {
      type        = "Service"
      identifiers = [local.service]
    }
  }
}
"#;
    let others = r#"
locals {
  launch = [
    "ec2:RunInstances",
    local.tag,
  ]
  service = "rolesanywhere.amazonaws.com"
}

data "aws_iam_policy_document" "pass" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
"#;
    stage.write("build/main.tf", main);
    stage.write("build/iam.tf", documents);
    stage.write("build/others.tf", others);
    stage.write("build/names.tf", "locals {\n  tag = \"ec2:CreateTags\"\n}\n");
    // Another configuration with the same addresses, whose role is an administrator.
    stage.write(
        "admin/main.tf",
        r#"resource "aws_iam_role" "this" {
  assume_role_policy  = data.aws_iam_policy_document.trust.json
  managed_policy_arns = ["arn:aws:iam::aws:policy/AdministratorAccess"]
}
"#,
    );
    let iam = "build/iam.tf";
    let of_build = |folder: &str| {
        let this = "data.aws_iam_policy_document.this";
        let found = [
            one(iam, 3, "policy-pass-role", this),
            one(iam, 5, "policy-escalation", this),
            one(iam, 6, "policy-any-resource", this),
        ];
        found.map(|found| Told { file: found.file.replace("build/", folder), ..found })
    };
    let (report, status) = stage.report("policy", &["build"]);
    assert_eq!(status, 1, "{report}");
    assert_eq!(told(&report), of_build("build/"));
    assert_eq!(report["not_judged"].as_array().unwrap().len(), 0, "{report}");
    // By their names, however they are written, and beside another configuration.
    let names = ["build/main.tf", "./build/names.tf", "build/./others.tf", iam, "admin"];
    assert_eq!(stage.findings("policy", &names), of_build("build/"));
    // A folder that is the present one.
    for (name, text) in [("main.tf", main), ("iam.tf", documents), ("others.tf", others)] {
        stage.write(name, text);
    }
    let tag = "names.tf";
    stage.write(tag, "locals {\n  tag = \"ec2:CreateTags\"\n}\n");
    assert_eq!(stage.findings("policy", &["main.tf", tag, "./others.tf", "iam.tf"]), of_build(""));

    let (trust, _) = stage.report("trust", &["build", "admin"]);
    let found = told(&trust);
    let document = "data.aws_iam_policy_document.trust";
    assert_eq!(
        found,
        [one(iam, 11, "trust-no-source-arn", document), one(iam, 11, "trust-no-subject", document)]
    );
    // The administrator's trust policy is in no file of its own configuration.
    let left = trust["not_judged"].to_string();
    for part in ["admin/main.tf", "aws_iam_policy_document.trust) is in none of the files"] {
        assert!(left.contains(part), "{part}: {left}");
    }
}

#[test]
fn plans_and_what_the_aws_cli_prints() {
    let stage = Stage::set();
    let admin = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let encoded = admin.replace('"', "%22").replace('{', "%7B").replace('}', "%7D");
    let plan = serde_json::json!({"format_version": "1.2", "planned_values": {"root_module": {
        "resources": [{"address": "aws_iam_policy.a", "mode": "managed", "type": "aws_iam_policy", "values": {"policy": admin}}],
        "child_modules": [{"resources": [{"address": "module.m.aws_iam_role_policy.b", "mode": "managed", "type": "aws_iam_role_policy",
            "values": {"role": "r", "policy": admin}}]}]}},
        "resource_changes": [{"address": "aws_iam_policy.c", "mode": "managed", "type": "aws_iam_policy",
            "change": {"after_unknown": {"policy": true}}}]});
    stage.write("plan.json", &plan.to_string());
    stage.write("get-policy-version.json", &serde_json::json!({"PolicyVersion": {"Document": serde_json::from_str::<serde_json::Value>(admin).unwrap(), "VersionId": "v1"}}).to_string());
    stage.write(
        "get-role-policy.json",
        &serde_json::json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": encoded}).to_string(),
    );
    let details = serde_json::json!({
        "UserDetailList": [{"UserName": "u", "UserPolicyList": [{"PolicyName": "p", "PolicyDocument": serde_json::from_str::<serde_json::Value>(admin).unwrap()}],
            "AttachedManagedPolicies": [{"PolicyName": "m", "PolicyArn": "arn:aws:iam::111122223333:policy/m"}]}],
        "RoleDetailList": [{"RoleName": "r", "Arn": "arn:aws:iam::111122223333:role/r", "RolePolicyList": [],
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}}],
        "Policies": [{"PolicyName": "m", "Arn": "arn:aws:iam::111122223333:policy/m", "PolicyVersionList": [
            {"VersionId": "v2", "IsDefaultVersion": true, "Document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}},
            {"VersionId": "v1", "IsDefaultVersion": false, "Document": serde_json::from_str::<serde_json::Value>(admin).unwrap()}]}]});
    stage.write("details.json", &serde_json::to_string_pretty(&details).unwrap());
    let (report, _) = stage.report("policy", &["plan.json"]);
    let found = told(&report);
    let resources: Vec<&str> = found.iter().map(|one| one.resource.as_str()).collect();
    assert_eq!(resources, ["aws_iam_policy.a", "module.m.aws_iam_role_policy.b"]);
    assert!(report["not_judged"].to_string().contains("aws_iam_policy.c"));
    assert_eq!(rules(&stage.findings("policy", &["get-policy-version.json"])), ["policy-admin"]);
    assert_eq!(stage.findings("policy", &["get-role-policy.json"])[0].resource, "r/p");
    let found = stage.findings("policy", &["details.json"]);
    let mut short: Vec<(&str, &str)> =
        found.iter().map(|one| (one.rule.as_str(), one.resource.as_str())).collect();
    short.sort_unstable();
    assert_eq!(
        short,
        [("policy-admin", "u/p"), ("policy-no-source-ip", "m"), ("policy-no-source-ip", "u/p")]
    );
    let found = stage.findings("trust", &["details.json"]);
    assert_eq!((rules(&found), found[0].resource.as_str()), (vec!["trust-any-principal"], "r"));
}

#[test]
fn what_cannot_be_judged_is_told_and_the_others_are_judged() {
    let stage = Stage::set();
    stage.write(
        "good.json",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    );
    stage.write("empty.json", "");
    stage.write("other.json", r#"{"a": 1}"#);
    stage.write("trust.json", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#);
    let (report, status) =
        stage.report("policy", &["good.json", "empty.json", "other.json", "trust.json", "none.json"]);
    assert_eq!(status, 2);
    assert_eq!(rules(&told(&report)), ["policy-admin"]);
    let unread = report["could_not_look"].as_array().unwrap();
    let mut unread: Vec<&str> = unread.iter().map(|entry| entry["path"].as_str().unwrap()).collect();
    unread.sort_unstable();
    assert_eq!(unread, ["empty.json", "none.json", "other.json", "trust.json"]);
    // A folder passes over what holds no policy.
    stage.write("folder/good.json", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#);
    stage.write("folder/package.json", r#"{"name": "x"}"#);
    stage.write("folder/chart.yaml", "{{ if }}: [");
    stage.write("folder/notes.txt", "Statement");
    let (report, status) = stage.report("policy", &["folder"]);
    assert_eq!((report["looked_at"]["files"].as_u64(), status), (Some(1), 0), "{report}");
    // PowerShell 5 writes UTF-16.
    let wide: Vec<u8> = "\u{feff}{\"Version\":\"2012-10-17\",\"Statement\":[]}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    std::fs::write(stage.path("wide.json"), wide).unwrap();
    assert_eq!(rules(&stage.findings("policy", &["wide.json"])), ["policy-malformed"]);
    // The standard input.
    let output = stage.anyrole(&["audit", "policy", "-"], Some(&stage.path("good.json")));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.starts_with("critical  policy-admin  -:1  statement 1\n"), "{shown}");
    assert_eq!(
        stage.anyrole(&["audit", "policy", "--fail-on", "never", "good.json"], None).status.code(),
        Some(0)
    );
}
