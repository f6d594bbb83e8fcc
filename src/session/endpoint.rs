//! From a region to the host names of AWS.

use crate::signing::{Endpoint, EndpointError};

/// A partition: the names of its regions, and the suffixes of its host names.
struct Partition {
    id: &'static str,
    /// The prefixes of its regions' names; the longest match wins.
    prefixes: &'static [&'static str],
    suffix: &'static str,
    dual_stack_suffix: &'static str,
}

/// The partitions of botocore's `partitions.json`.
const PARTITIONS: [Partition; 8] = [
    Partition {
        id: "aws",
        prefixes: &["us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"],
        suffix: "amazonaws.com",
        dual_stack_suffix: "api.aws",
    },
    Partition {
        id: "aws-cn",
        prefixes: &["cn-"],
        suffix: "amazonaws.com.cn",
        dual_stack_suffix: "api.amazonwebservices.com.cn",
    },
    Partition {
        id: "aws-us-gov",
        prefixes: &["us-gov-"],
        suffix: "amazonaws.com",
        dual_stack_suffix: "api.aws",
    },
    Partition {
        id: "aws-eusc",
        prefixes: &["eusc-"],
        suffix: "amazonaws.eu",
        dual_stack_suffix: "api.amazonwebservices.eu",
    },
    Partition {
        id: "aws-iso",
        prefixes: &["us-iso-"],
        suffix: "c2s.ic.gov",
        dual_stack_suffix: "api.aws.ic.gov",
    },
    Partition {
        id: "aws-iso-b",
        prefixes: &["us-isob-"],
        suffix: "sc2s.sgov.gov",
        dual_stack_suffix: "api.aws.scloud",
    },
    Partition {
        id: "aws-iso-e",
        prefixes: &["eu-isoe-"],
        suffix: "cloud.adc-e.uk",
        dual_stack_suffix: "api.cloud-aws.adc-e.uk",
    },
    Partition {
        id: "aws-iso-f",
        prefixes: &["us-isof-"],
        suffix: "csp.hci.ic.gov",
        dual_stack_suffix: "api.aws.hci.ic.gov",
    },
];

/// Which endpoint: one of AWS's, or another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointChoice {
    /// A custom endpoint: a VPC endpoint, a gateway, the simulator.
    pub url: Option<String>,
    /// The endpoint with FIPS-validated cryptography.
    pub fips: bool,
    /// The endpoint that has IPv4 and IPv6 addresses.
    pub dual_stack: bool,
}

/// Resolves the endpoint of Roles Anywhere: `https://rolesanywhere[-fips].REGION.SUFFIX`.
///
/// The suffix follows from the region; for a region of no known partition, from `partition`, that of the trust anchor's
/// ARN. The pseudo-regions `fips-REGION` and `REGION-fips` mean FIPS in that region.
///
/// # Errors
///
/// Fails if the region cannot be part of a host name, if a custom endpoint is malformed or not HTTPS, or if it is
/// combined with FIPS or dual-stack.
pub fn rolesanywhere(
    region: &str,
    partition: &str,
    choice: &EndpointChoice,
) -> Result<Endpoint, EndpointError> {
    resolve("rolesanywhere", region, partition, choice)
}

/// Resolves the regional endpoint of STS: `https://sts[-fips].REGION.SUFFIX`; in GovCloud, `sts.` is
/// the FIPS endpoint, except among those with IPv6.
///
/// # Errors
///
/// As [`rolesanywhere`].
pub fn sts(region: &str, partition: &str, choice: &EndpointChoice) -> Result<Endpoint, EndpointError> {
    resolve("sts", region, partition, choice)
}

/// Returns the region for a signature's scope: a pseudo-region without its `fips-` or `-fips`.
pub fn signing_region(region: &str) -> &str {
    let region = region.strip_prefix("fips-").unwrap_or(region);
    region.strip_suffix("-fips").unwrap_or(region)
}

/// Returns the partition that a region is in, by its name: `aws`, `aws-cn`; `None` where no partition has such regions.
pub fn partition(region: &str) -> Option<&'static str> {
    partition_of(region).filter(|_| is_region(region)).map(|partition| partition.id)
}

fn resolve(
    service: &str,
    region: &str,
    partition: &str,
    choice: &EndpointChoice,
) -> Result<Endpoint, EndpointError> {
    let real_region = signing_region(region);
    if !is_region(real_region) {
        return Err(EndpointError::Region { region: region.to_owned() });
    }
    if let Some(url) = &choice.url {
        return match (choice.fips, choice.dual_stack) {
            (false, false) => Endpoint::parse(url),
            (true, _) => Err(EndpointError::NotStandard { url: shown(url), option: "FIPS" }),
            (false, true) => Err(EndpointError::NotStandard { url: shown(url), option: "dual-stack" }),
        };
    }
    let partition = partition_of(real_region).or_else(|| known(partition)).unwrap_or(&PARTITIONS[0]);
    let fips = choice.fips || real_region != region;
    let always_fips = service == "sts" && partition.id == "aws-us-gov" && !choice.dual_stack;
    let variant = if fips && !always_fips { "-fips" } else { "" };
    let suffix = if choice.dual_stack { partition.dual_stack_suffix } else { partition.suffix };
    Ok(Endpoint::https(format!("{service}{variant}.{real_region}.{suffix}")))
}

fn shown(url: &str) -> String {
    crate::signing::endpoint::without_userinfo(url)
}

fn partition_of(region: &str) -> Option<&'static Partition> {
    let longest = |partition: &&Partition| {
        partition
            .prefixes
            .iter()
            .filter(|prefix| region.starts_with(**prefix))
            .map(|prefix| prefix.len())
            .max()
    };
    PARTITIONS.iter().filter(|partition| longest(partition).is_some()).max_by_key(longest)
}

fn known(id: &str) -> Option<&'static Partition> {
    PARTITIONS.iter().find(|partition| partition.id == id)
}

/// The longest name of a region, in characters; `us-northeast-1` has 14.
const LONGEST_REGION: usize = 40;

/// Returns whether a text can be a region: letters, digits and hyphens, so that nothing else gets into a host name.
fn is_region(region: &str) -> bool {
    (1..=LONGEST_REGION).contains(&region.len())
        && !region.starts_with('-')
        && !region.ends_with('-')
        && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(region: &str, partition: &str, fips: bool, dual_stack: bool) -> String {
        let choice = EndpointChoice { url: None, fips, dual_stack };
        rolesanywhere(region, partition, &choice).map_or_else(|e| e.to_string(), |e| e.authority().to_owned())
    }

    #[test]
    fn every_partition() {
        for (region, expected) in [
            ("eu-central-1", "rolesanywhere.eu-central-1.amazonaws.com"),
            ("mx-central-1", "rolesanywhere.mx-central-1.amazonaws.com"),
            ("cn-north-1", "rolesanywhere.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "rolesanywhere.us-gov-west-1.amazonaws.com"),
            ("eusc-de-east-1", "rolesanywhere.eusc-de-east-1.amazonaws.eu"),
            ("us-iso-east-1", "rolesanywhere.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", "rolesanywhere.us-isob-east-1.sc2s.sgov.gov"),
            ("eu-isoe-west-1", "rolesanywhere.eu-isoe-west-1.cloud.adc-e.uk"),
            ("us-isof-south-1", "rolesanywhere.us-isof-south-1.csp.hci.ic.gov"),
        ] {
            assert_eq!(host(region, "aws", false, false), expected);
        }
    }

    #[test]
    fn a_region_tells_its_partition_and_no_other_text_does() {
        for (region, expected) in [
            ("eu-central-1", Some("aws")),
            ("cn-north-1", Some("aws-cn")),
            ("us-gov-west-1", Some("aws-us-gov")),
            ("xy-new-1", None),
            ("eu-central-1.example", None),
            ("cn-", None),
        ] {
            assert_eq!(partition(region), expected, "{region}");
        }
    }

    #[test]
    fn a_password_in_a_refused_url_is_not_shown() {
        let url = Some(String::from("https://canary:canary@vpce.example"));
        for (fips, dual_stack) in [(true, false), (false, true)] {
            let choice = EndpointChoice { url: url.clone(), fips, dual_stack };
            let told = rolesanywhere("eu-central-1", "aws", &choice).expect_err("it is refused").to_string();
            assert!(told.contains("vpce.example") && !told.contains("canary"), "{told}");
        }
    }

    #[test]
    fn variants() {
        assert_eq!(host("us-east-1", "aws", true, false), "rolesanywhere-fips.us-east-1.amazonaws.com");
        assert_eq!(host("us-east-1-fips", "aws", false, false), "rolesanywhere-fips.us-east-1.amazonaws.com");
        assert_eq!(
            host("fips-us-gov-west-1", "aws", false, true),
            "rolesanywhere-fips.us-gov-west-1.api.aws"
        );
        assert_eq!(
            host("cn-north-1", "aws", false, true),
            "rolesanywhere.cn-north-1.api.amazonwebservices.com.cn"
        );
        assert_eq!(host("xy-new-1", "aws-eusc", false, false), "rolesanywhere.xy-new-1.amazonaws.eu");
        assert_eq!(host("xy-new-1", "aws-xy", false, false), "rolesanywhere.xy-new-1.amazonaws.com");
    }

    /// As in the endpoint rules that every SDK carries for STS.
    #[test]
    fn sts_in_every_partition() {
        let host = |region: &str, fips, dual_stack| {
            let choice = EndpointChoice { url: None, fips, dual_stack };
            sts(region, "aws", &choice).map_or_else(|e| e.to_string(), |e| e.authority().to_owned())
        };
        for (region, expected, fips, dual_stack, both) in [
            (
                "us-west-2",
                "sts.us-west-2.amazonaws.com",
                "sts-fips.us-west-2.amazonaws.com",
                "sts.us-west-2.api.aws",
                "sts-fips.us-west-2.api.aws",
            ),
            (
                "cn-northwest-1",
                "sts.cn-northwest-1.amazonaws.com.cn",
                "sts-fips.cn-northwest-1.amazonaws.com.cn",
                "sts.cn-northwest-1.api.amazonwebservices.com.cn",
                "sts-fips.cn-northwest-1.api.amazonwebservices.com.cn",
            ),
            (
                "us-gov-west-1",
                "sts.us-gov-west-1.amazonaws.com",
                "sts.us-gov-west-1.amazonaws.com",
                "sts.us-gov-west-1.api.aws",
                "sts-fips.us-gov-west-1.api.aws",
            ),
            (
                "eusc-de-east-1",
                "sts.eusc-de-east-1.amazonaws.eu",
                "sts-fips.eusc-de-east-1.amazonaws.eu",
                "sts.eusc-de-east-1.api.amazonwebservices.eu",
                "sts-fips.eusc-de-east-1.api.amazonwebservices.eu",
            ),
            (
                "us-iso-east-1",
                "sts.us-iso-east-1.c2s.ic.gov",
                "sts-fips.us-iso-east-1.c2s.ic.gov",
                "sts.us-iso-east-1.api.aws.ic.gov",
                "sts-fips.us-iso-east-1.api.aws.ic.gov",
            ),
            (
                "us-isob-east-1",
                "sts.us-isob-east-1.sc2s.sgov.gov",
                "sts-fips.us-isob-east-1.sc2s.sgov.gov",
                "sts.us-isob-east-1.api.aws.scloud",
                "sts-fips.us-isob-east-1.api.aws.scloud",
            ),
            (
                "eu-isoe-west-1",
                "sts.eu-isoe-west-1.cloud.adc-e.uk",
                "sts-fips.eu-isoe-west-1.cloud.adc-e.uk",
                "sts.eu-isoe-west-1.api.cloud-aws.adc-e.uk",
                "sts-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk",
            ),
            (
                "us-isof-south-1",
                "sts.us-isof-south-1.csp.hci.ic.gov",
                "sts-fips.us-isof-south-1.csp.hci.ic.gov",
                "sts.us-isof-south-1.api.aws.hci.ic.gov",
                "sts-fips.us-isof-south-1.api.aws.hci.ic.gov",
            ),
        ] {
            assert_eq!(host(region, false, false), expected);
            assert_eq!(host(region, true, false), fips);
            assert_eq!(host(region, false, true), dual_stack);
            assert_eq!(host(region, true, true), both);
        }
    }

    #[test]
    fn what_is_refused() {
        for region in ["", "evil.example/", "eu-central-1.evil", "EU-CENTRAL-1", "-", "a b", "fips-"] {
            assert!(matches!(
                rolesanywhere(region, "aws", &EndpointChoice::default()),
                Err(EndpointError::Region { .. })
            ));
        }
        let own =
            EndpointChoice { url: Some(String::from("https://ra.example/v1")), ..EndpointChoice::default() };
        assert_eq!(rolesanywhere("eu-central-1", "aws", &own).unwrap().base_path(), "/v1");
        let both = EndpointChoice { fips: true, ..own };
        assert!(matches!(
            rolesanywhere("eu-central-1", "aws", &both),
            Err(EndpointError::NotStandard { option: "FIPS", .. })
        ));
    }
}
