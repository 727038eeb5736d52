//! What keeps a call from being answered at all: sign-ins, credentials, clocks and Regions, in plain words, each with the next command.

use super::permission;

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hindrance {
    /// Nobody has signed in with this profile, or not for long.
    SignIn,
    /// There is no profile of that name.
    NoProfile,
    NoCredentials,
    Expired,
    /// The clock of this machine is far from AWS's.
    Clock,
    /// The key is not known: it is another one, or the account does not use this Region.
    Unknown,
    /// The account does not use this Region.
    Region,
    /// The secret key is not that of the key.
    Secret,
    /// The role may not be taken on, and what to do about it.
    Role(String),
    /// The host of this Region has no address.
    NoHost,
}

/// What of an error's message tells which hindrance it is.
const BY_MESSAGE: [(&str, Hindrance); 14] = [
    ("cached SSO token", Hindrance::SignIn),
    ("SSO token has expired", Hindrance::SignIn),
    ("Session token not found or invalid", Hindrance::SignIn),
    ("was not defined", Hindrance::NoProfile),
    ("No profiles were defined", Hindrance::NoProfile),
    ("ExpiredToken", Hindrance::Expired),
    ("Signature expired", Hindrance::Clock),
    ("Signature not yet current", Hindrance::Clock),
    ("RequestTimeTooSkewed", Hindrance::Clock),
    ("InvalidClientTokenId", Hindrance::Unknown),
    ("no providers in chain provided credentials", Hindrance::NoCredentials),
    ("did not contain credential information", Hindrance::NoCredentials),
    ("credential provider was not enabled", Hindrance::NoCredentials),
    ("dns error", Hindrance::NoHost),
];

impl Hindrance {
    /// By AWS's refusal.
    pub fn of_refusal(code: &str, message: &str) -> Option<Self> {
        match code {
            "ExpiredToken" | "ExpiredTokenException" => Some(Hindrance::Expired),
            "RequestExpired" | "RequestTimeTooSkewed" => Some(Hindrance::Clock),
            "UnrecognizedClientException" | "InvalidClientTokenId" | "AuthFailure" => Some(Hindrance::Unknown),
            "OptInRequired" | "SubscriptionRequiredException" => Some(Hindrance::Region),
            "InvalidSignatureException" | "SignatureDoesNotMatch" => {
                Some(of_message(message).unwrap_or(Hindrance::Secret))
            }
            "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => Some(Hindrance::NoCredentials),
            _ => None,
        }
    }

    /// By why a request was not sent.
    pub fn of_failure(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        let mut text = String::new();
        while let Some(error) = next {
            text += &format!("{error}\n");
            next = error.source();
        }
        permission::advice(&text).map(Hindrance::Role).or_else(|| of_message(&text))
    }

    pub fn in_words(&self) -> &'static str {
        match self {
            Hindrance::SignIn => "nobody is signed in with this profile, or the sign-in is over",
            Hindrance::NoProfile => "there is no profile of that name on this machine",
            Hindrance::NoCredentials => "there are no AWS credentials",
            Hindrance::Expired => "the credentials have expired",
            Hindrance::Clock => "the clock of this machine is too far from AWS's",
            Hindrance::Unknown => "AWS does not know these credentials in this Region",
            Hindrance::Region => "the account does not use this Region",
            Hindrance::Secret => "the secret key is not the one of the key",
            Hindrance::Role(_) => "the role may not be taken on",
            Hindrance::NoHost => "the host of AWS in this Region is not found",
        }
    }

    pub fn advice(&self) -> String {
        match self {
            Hindrance::SignIn => {
                "sign in: aws sso login --profile PROFILE, with the `profile` of the environment's `target` (or AWS_PROFILE)"
            }
            Hindrance::NoProfile => {
                "see which there are: aws configure list-profiles; then correct `profile` in the environment's `target`, or AWS_PROFILE"
            }
            Hindrance::NoCredentials => {
                "name a `profile` in the environment's `target`, or give some: aws configure sso, aws configure, or AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY"
            }
            Hindrance::Expired => {
                "get new ones: aws sso login --profile PROFILE, or as this shell or pipeline got its AWS_SESSION_TOKEN; then run the command \
                 again"
            }
            Hindrance::Clock => "set the clock (timedatectl set-ntp true), compare it (date -u), and run the command again",
            Hindrance::Unknown => {
                "see whether they are known elsewhere: aws sts get-caller-identity --region us-east-1; if so, the account has to enable the \
                 Region: aws account enable-region --region-name REGION; if not, make a new key"
            }
            Hindrance::Region => {
                "enable it, which takes minutes: aws account enable-region --region-name REGION; or write another `region` in the environment's \
                 `target`"
            }
            Hindrance::Secret => {
                "write key and secret again (aws configure, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), and look at them: aws sts \
                 get-caller-identity"
            }
            Hindrance::Role(advice) => advice,
            Hindrance::NoHost => {
                "check the `region` of the environment's `target` (aws account list-regions shows all), and the network of this machine"
            }
        }
        .to_owned()
    }
}

fn of_message(text: &str) -> Option<Hindrance> {
    BY_MESSAGE.iter().find(|(words, _)| text.contains(words)).map(|(_, hindrance)| hindrance.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart_by_code_and_signatures_by_what_is_wrong_with_them() {
        for (code, message, expected) in [
            (
                "ExpiredTokenException",
                "The security token included in the request is expired",
                Some(Hindrance::Expired),
            ),
            ("RequestTimeTooSkewed", "", Some(Hindrance::Clock)),
            (
                "InvalidSignatureException",
                "Signature expired: 20260101T000000Z is now earlier than",
                Some(Hindrance::Clock),
            ),
            ("SignatureDoesNotMatch", "Signature not yet current: 2026", Some(Hindrance::Clock)),
            ("SignatureDoesNotMatch", "The request signature we calculated does not match", Some(Hindrance::Secret)),
            (
                "UnrecognizedClientException",
                "The security token included in the request is invalid",
                Some(Hindrance::Unknown),
            ),
            ("OptInRequired", "The AWS Access Key Id needs a subscription for the service", Some(Hindrance::Region)),
            ("ClusterNotFoundException", "Signature expired", None),
        ] {
            assert_eq!(Hindrance::of_refusal(code, message), expected, "{code}: {message}");
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("dispatch failure")]
    struct Failed(#[source] Cause);

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Cause(&'static str);

    #[test]
    fn what_was_not_sent_is_told_by_the_last_of_its_causes() {
        let of = |cause| Hindrance::of_failure(&Failed(Cause(cause)));
        assert_eq!(of("the SSO token has expired and cannot be refreshed"), Some(Hindrance::SignIn));
        assert_eq!(of("profile `x` was not defined: default"), Some(Hindrance::NoProfile));
        assert_eq!(of("connection refused"), None);
        let denied = "Error { code: \"AccessDenied\", message: \"User: arn:aws:iam::1:user/ci is not authorized to perform: \
                      sts:AssumeRole on resource: arn:aws:iam::1:role/deploy\" }";
        let Some(Hindrance::Role(advice)) = of(denied) else { panic!("it is about the role") };
        assert!(
            advice.contains("\"Action\":\"sts:AssumeRole\"") && advice.contains("\"arn:aws:iam::1:role/deploy\""),
            "{advice}"
        );
    }
}
