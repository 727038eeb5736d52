//! What the three protocols of CloudWatch need to know of its model: the two names of its errors, and its instants and maps.

use http::StatusCode;

use super::{ErrorName, RpcV2Api};
use crate::answer_form::{AnswerForms, MemberForm};

pub(super) const RPC_V2_API: RpcV2Api =
    RpcV2Api { service: "GraniteServiceVersion20100801", errors: ERROR_NAMES, answer_forms: ANSWER_FORMS };

/// The errors whose shape and query code differ, or that have another status than 400.
///
/// `ResourceNotFound` is also the code of `DashboardNotFoundError`, which has the same members.
const ERROR_NAMES: &[ErrorName] = &[
    ErrorName { shape: "ConcurrentModificationException", code: "ConcurrentModificationException", status: TOO_MANY },
    ErrorName { shape: "ConflictException", code: "ConflictException", status: StatusCode::CONFLICT },
    ErrorName { shape: "DashboardInvalidInputError", code: "InvalidParameterInput", status: BAD },
    ErrorName {
        shape: "InternalServiceFault",
        code: "InternalServiceError",
        status: StatusCode::INTERNAL_SERVER_ERROR,
    },
    ErrorName { shape: "InvalidFormatFault", code: "InvalidFormat", status: BAD },
    ErrorName { shape: "InvalidParameterCombinationException", code: "InvalidParameterCombination", status: BAD },
    ErrorName { shape: "InvalidParameterValueException", code: "InvalidParameterValue", status: BAD },
    ErrorName { shape: "LimitExceededFault", code: "LimitExceeded", status: BAD },
    ErrorName { shape: "MissingRequiredParameterException", code: "MissingParameter", status: BAD },
    ErrorName { shape: "ResourceConflict", code: "ResourceConflict", status: StatusCode::CONFLICT },
    ErrorName { shape: "ResourceNotFound", code: "ResourceNotFound", status: StatusCode::NOT_FOUND },
    ErrorName { shape: "ResourceNotFoundException", code: "ResourceNotFoundException", status: StatusCode::NOT_FOUND },
    ErrorName { shape: "ValidationException", code: "ValidationError", status: BAD },
];

const BAD: StatusCode = StatusCode::BAD_REQUEST;
const TOO_MANY: StatusCode = StatusCode::TOO_MANY_REQUESTS;

const ANSWER_FORMS: AnswerForms = AnswerForms(&[
    ("AlarmConfigurationUpdatedTimestamp", MemberForm::Timestamp),
    ("AlarmContributorAttributes", MemberForm::Map),
    ("ContributorAttributes", MemberForm::Map),
    ("CreatedAt", MemberForm::Timestamp),
    ("CreationDate", MemberForm::Timestamp),
    ("EndTime", MemberForm::Timestamp),
    ("ExpireDate", MemberForm::Timestamp),
    ("ExtendedStatistics", MemberForm::Map),
    ("LastModified", MemberForm::Timestamp),
    ("LastUpdateDate", MemberForm::Timestamp),
    ("LastUpdatedTimestamp", MemberForm::Timestamp),
    ("StartDate", MemberForm::Timestamp),
    ("StartTime", MemberForm::Timestamp),
    ("StateTransitionedTimestamp", MemberForm::Timestamp),
    ("StateUpdatedTimestamp", MemberForm::Timestamp),
    ("Timestamp", MemberForm::Timestamp),
    ("Timestamps", MemberForm::Timestamp),
    ("UpdatedAt", MemberForm::Timestamp),
]);
