//! The condition keys that AWS documents for requests to STS.

/// The complete names: the global ones, STS's own, and those that a service adds to the sessions of its roles.
const NAMES: &[&str] = &[
    "aws:AssumedRoot",
    "aws:CalledVia",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:ChatbotSourceArn",
    "aws:CurrentTime",
    "aws:Ec2InstanceSourcePrivateIPv4",
    "aws:Ec2InstanceSourceVpc",
    "aws:EpochTime",
    "aws:FederatedProvider",
    "aws:IdentityCenterInstanceArn",
    "aws:IdentityStoreArn",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:OriginIdentity/FederatedProviderArn",
    "aws:OriginIdentity/Issuer",
    "aws:OriginIdentity/Subject",
    "aws:OriginIdentity/SubjectType",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:PrincipalType",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:ResourceOrgID",
    "aws:ResourceOrgPaths",
    "aws:SecureTransport",
    "aws:SignInSessionArn",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceOwner",
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:SourceVpce",
    "aws:TagKeys",
    "aws:TokenIssueTime",
    "aws:UserAgent",
    "aws:ViaAWSService",
    "aws:VpcSourceIp",
    "aws:VpceAccount",
    "aws:VpceOrgID",
    "aws:VpceOrgPaths",
    "aws:referer",
    "aws:userid",
    "aws:username",
    "ec2:RoleDelivery",
    "ec2:SourceInstanceArn",
    "glue:CredentialIssuingService",
    "glue:RoleAssumedBy",
    "identitystore:UserId",
    "lambda:SourceFunctionArn",
    "ssm:SourceInstanceArn",
    "sts:AWSServiceName",
    "sts:DurationSeconds",
    "sts:ExternalId",
    "sts:IdentityTokenAudience",
    "sts:IdentityTokenScope",
    "sts:RequestContextProviders",
    "sts:RoleSessionName",
    "sts:SigningAlgorithm",
    "sts:SourceIdentity",
    "sts:SubjectMode",
    "sts:TaskPolicyArn",
    "sts:TransitiveTagKeys",
];

/// What goes before the key of a tag or of a context.
const PREFIXES: &[&str] = &[
    "aws:PrincipalTag/",
    "aws:RequestTag/",
    "aws:ResourceTag/",
    "aws:TransactionContext/",
    "iam:ResourceTag/",
    "sts:RequestContext/",
];

/// The attributes of a SAML assertion, after `saml:`.
const SAML: &[&str] = &[
    "aud",
    "cn",
    "commonName",
    "doc",
    "eduorghomepageuri",
    "eduorgidentityauthnpolicyuri",
    "eduorglegalname",
    "eduorgsuperioruri",
    "eduorgwhitepagesuri",
    "edupersonaffiliation",
    "edupersonassurance",
    "edupersonentitlement",
    "edupersonnickname",
    "edupersonorgdn",
    "edupersonorgunitdn",
    "edupersonprimaryaffiliation",
    "edupersonprimaryorgunitdn",
    "edupersonprincipalname",
    "edupersonscopedaffiliation",
    "edupersontargetedid",
    "givenName",
    "iss",
    "mail",
    "name",
    "namequalifier",
    "organizationStatus",
    "primaryGroupSID",
    "sub",
    "sub_type",
    "surname",
    "uid",
    "x500UniqueIdentifier",
];

/// Returns whether there is such a key.
pub(super) fn is_known(key: &str) -> bool {
    let is_tag = split_prefix(key).is_some_and(|(prefix, rest)| {
        !rest.is_empty() && PREFIXES.iter().any(|known| known.eq_ignore_ascii_case(prefix))
    });
    let is_saml = split_colon(key, "saml")
        .is_some_and(|attribute| SAML.iter().any(|known| known.eq_ignore_ascii_case(attribute)));
    is_tag
        || is_saml
        || of_an_identity_provider(key)
        || NAMES.iter().any(|known| known.eq_ignore_ascii_case(key))
}

/// Returns the known key closest to a mistyped one; for a tag's key only the part before the tag is corrected.
pub(super) fn nearest(key: &str) -> Option<String> {
    let origin_identity = NAMES.iter().copied().filter(|name| name.contains('/'));
    if let Some(near) = super::nearest(key, origin_identity) {
        return Some(near);
    }
    if let Some((prefix, rest)) = split_prefix(key) {
        let near = super::nearest(prefix, PREFIXES.iter().copied())?;
        // A correct prefix with nothing after it.
        return Some(format!("{near}{}", if rest.is_empty() { "KEY" } else { rest }));
    }
    let saml: Vec<String> = SAML.iter().map(|attribute| format!("saml:{attribute}")).collect();
    super::nearest(key, NAMES.iter().copied().chain(saml.iter().map(String::as_str)))
}

/// Splits after the first slash.
fn split_prefix(key: &str) -> Option<(&str, &str)> {
    key.find('/').map(|slash| key.split_at(slash.saturating_add(1)))
}

fn split_colon<'a>(key: &'a str, service: &str) -> Option<&'a str> {
    key.split_once(':').filter(|(before, _)| before.eq_ignore_ascii_case(service)).map(|(_, after)| after)
}

/// Keys of OpenID Connect start with the provider's own name, for example `token.actions.githubusercontent.com:sub`.
fn of_an_identity_provider(key: &str) -> bool {
    key.rsplit_once(':').is_some_and(|(provider, claim)| {
        let host = provider.split(['/', ':']).next().unwrap_or_default();
        host.contains('.') && !claim.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_in_any_case() {
        for key in [
            "aws:SourceArn",
            "AWS:sourcearn",
            "aws:PrincipalTag/x509Subject/CN",
            "AWS:principaltag/X509SUBJECT/cn",
            "sts:ExternalId",
            "aws:SourceVpc",
            "saml:aud",
            "aws:OriginIdentity/Subject",
            "AWS:originidentity/subjecttype",
            "token.actions.githubusercontent.com:sub",
            "oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE:aud",
        ] {
            assert!(is_known(key), "{key}");
        }
    }

    #[test]
    fn mistyped_keys_have_a_nearest_one() {
        for (key, expected) in [
            ("aws:SourceARN2", Some("aws:SourceArn")),
            ("aws:SouceIp", Some("aws:SourceIp")),
            ("aws:PrincpalTag/x509Subject/CN", Some("aws:PrincipalTag/x509Subject/CN")),
            ("aws:PrincipalTag/", Some("aws:PrincipalTag/KEY")),
            ("sts:ExternalID1", Some("sts:ExternalId")),
            ("SourceArn", None),
            ("", None),
            ("a:b", None),
            ("saml:audd", Some("saml:aud")),
            ("aws:OriginIdentity/Subjekt", Some("aws:OriginIdentity/Subject")),
            ("aws:OriginIdentity/", None),
        ] {
            assert!(!is_known(key), "{key}");
            let found = nearest(key);
            if expected.is_some() {
                assert_eq!(found.as_deref(), expected, "{key}");
            }
        }
    }
}
