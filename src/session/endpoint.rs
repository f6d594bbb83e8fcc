//! From a region to the host names of AWS.

use crate::signing::{Endpoint, EndpointError};

/// A partition: how its regions are called, and what its host names end with.
struct Partition {
    id: &'static str,
    /// What a region's name begins with; the longest match counts.
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

/// Which of AWS's endpoints, or which other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointChoice {
    /// An endpoint of one's own: a VPC endpoint, a gateway, the simulator.
    pub url: Option<String>,
    /// The endpoint with FIPS-validated cryptography.
    pub fips: bool,
    /// The endpoint that has IPv4 and IPv6 addresses.
    pub dual_stack: bool,
}

/// Resolves the endpoint of Roles Anywhere: `https://rolesanywhere[-fips].REGION.SUFFIX`.
///
/// The suffix follows from the region; for a region of no known partition, from `partition`, the trust anchor ARN's. The
/// pseudo-regions `fips-REGION` and `REGION-fips` mean FIPS in that region.
///
/// # Errors
///
/// Fails if the region cannot be a part of a host name, if an own endpoint is malformed or not HTTPS, or if it comes
/// together with FIPS or dual-stack.
pub fn rolesanywhere(
    region: &str,
    partition: &str,
    choice: &EndpointChoice,
) -> Result<Endpoint, EndpointError> {
    resolve("rolesanywhere", region, partition, choice)
}

/// Resolves the regional endpoint of STS: `https://sts[-fips].REGION.SUFFIX`; in GovCloud, `sts.` is the FIPS endpoint.
///
/// # Errors
///
/// As [`rolesanywhere`].
pub fn sts(region: &str, partition: &str, choice: &EndpointChoice) -> Result<Endpoint, EndpointError> {
    resolve("sts", region, partition, choice)
}

/// Returns the region of a signature's scope: a pseudo-region without its `fips-` or `-fips`.
pub fn signing_region(region: &str) -> &str {
    let region = region.strip_prefix("fips-").unwrap_or(region);
    region.strip_suffix("-fips").unwrap_or(region)
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
    let always_fips = service == "sts" && partition.id == "aws-us-gov";
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

/// Tells whether a text can be a region: letters, digits and hyphens, so that nothing else gets into a host name.
fn is_region(region: &str) -> bool {
    (1..=40).contains(&region.len())
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
        let fips = EndpointChoice { fips: true, ..EndpointChoice::default() };
        assert_eq!(
            sts("us-gov-west-1", "aws", &fips).unwrap().authority(),
            "sts.us-gov-west-1.amazonaws.com"
        );
        assert_eq!(sts("us-west-2", "aws", &fips).unwrap().authority(), "sts-fips.us-west-2.amazonaws.com");
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
