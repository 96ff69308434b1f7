//! The classes of the library as tables.

/// What a field may hold.
#[derive(Debug, PartialEq)]
pub enum Type {
    /// A string; nothing is coerced to it.
    Str,
    /// An integer, in pydantic's lax mode.
    Int,
    /// A mapping of strings to strings.
    Map,
    /// A member of an enumeration, by value.
    Enum(&'static EnumType),
    /// Another model.
    Model(&'static Schema),
    /// A list.
    List(&'static Type),
    /// The type, or null.
    Optional(&'static Type),
}

/// A Python enumeration of strings.
#[derive(Debug, PartialEq)]
pub struct EnumType {
    /// The class.
    pub name: &'static str,
    /// Member names and values.
    pub members: &'static [(&'static str, &'static str)],
}

/// What an absent field means.
#[derive(Debug, PartialEq)]
pub enum Absent {
    /// An error.
    Missing,
    /// Null.
    Null,
    /// An empty list.
    EmptyList,
    /// The first member of the field's enumeration.
    FirstMember,
}

/// A field of a model.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// Its name in Python.
    pub name: &'static str,
    /// The name that it has in manifests, if another; both are read.
    pub alias: Option<&'static str>,
    /// What it holds.
    pub kind: Type,
    /// What its absence means.
    pub absent: Absent,
}

/// A rule between fields that runs when every field is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// No rule.
    None,
    /// That of `MeshPolicy`.
    MeshPolicy,
    /// Those of `AuthorizationPolicySpec`.
    AuthorizationPolicySpec,
}

/// A model class.
#[derive(Debug, PartialEq)]
pub struct Schema {
    /// The class.
    pub name: &'static str,
    /// Its fields in the order of declaration.
    pub fields: &'static [Field],
    /// Its rule between fields.
    pub rule: Rule,
    /// Whether it is a part of Istio's API, which can be written as a manifest.
    pub is_istio: bool,
}

const fn required(name: &'static str, kind: Type) -> Field {
    Field {
        name,
        alias: None,
        kind,
        absent: Absent::Missing,
    }
}

const fn optional(name: &'static str, kind: &'static Type) -> Field {
    Field {
        name,
        alias: None,
        kind: Type::Optional(kind),
        absent: Absent::Null,
    }
}

const fn strings(name: &'static str) -> Field {
    optional(name, &STRINGS)
}

const fn model(name: &'static str, fields: &'static [Field]) -> Schema {
    Schema {
        name,
        fields,
        rule: Rule::None,
        is_istio: false,
    }
}

const fn istio(name: &'static str, fields: &'static [Field]) -> Schema {
    Schema {
        name,
        fields,
        rule: Rule::None,
        is_istio: true,
    }
}

static STR: Type = Type::Str;
static MAP: Type = Type::Map;
static STRINGS: Type = Type::List(&Type::Str);
static INTS: Type = Type::List(&Type::Int);
static METHODS: Type = Type::List(&Type::Enum(&METHOD));

/// `Method`
pub static METHOD: EnumType = EnumType {
    name: "Method",
    members: &[
        ("connect", "CONNECT"),
        ("delete", "DELETE"),
        ("get", "GET"),
        ("head", "HEAD"),
        ("options", "OPTIONS"),
        ("patch", "PATCH"),
        ("post", "POST"),
        ("put", "PUT"),
        ("trace", "TRACE"),
    ],
};
static ACTION: EnumType = EnumType {
    name: "Action",
    members: &[("allow", "ALLOW"), ("deny", "DENY"), ("custom", "CUSTOM")],
};
static MESH_TYPE: EnumType = EnumType {
    name: "MeshType",
    members: &[("istio", "istio")],
};
static POLICY_TARGET_TYPE: EnumType = EnumType {
    name: "PolicyTargetType",
    members: &[("app", "app"), ("unit", "unit")],
};

/// `Endpoint`
pub static ENDPOINT: Schema = model(
    "Endpoint",
    &[
        strings("hosts"),
        optional("ports", &INTS),
        optional("methods", &METHODS),
        strings("paths"),
    ],
);
/// `AppPolicy`
pub static APP_POLICY: Schema = model("AppPolicy", POLICY_FIELDS);
/// `Policy`
pub static POLICY: Schema = model("Policy", POLICY_FIELDS);
static POLICY_FIELDS: &[Field] = &[
    required("relation", Type::Str),
    required("endpoints", Type::List(&Type::Model(&ENDPOINT))),
    optional("service", &STR),
];
/// `UnitPolicy`
pub static UNIT_POLICY: Schema = model(
    "UnitPolicy",
    &[required("relation", Type::Str), optional("ports", &INTS)],
);
/// `MeshPolicy`
pub static MESH_POLICY: Schema = Schema {
    name: "MeshPolicy",
    fields: &[
        required("source_namespace", Type::Str),
        required("source_app_name", Type::Str),
        required("target_namespace", Type::Str),
        optional("target_app_name", &STR),
        optional("target_selector_labels", &MAP),
        optional("target_service", &STR),
        Field {
            name: "target_type",
            alias: None,
            kind: Type::Enum(&POLICY_TARGET_TYPE),
            absent: Absent::FirstMember,
        },
        Field {
            name: "endpoints",
            alias: None,
            kind: Type::List(&Type::Model(&ENDPOINT)),
            absent: Absent::EmptyList,
        },
    ],
    rule: Rule::MeshPolicy,
    is_istio: false,
};
/// `CMRData`
pub static CMR_DATA: Schema = model(
    "CMRData",
    &[
        required("app_name", Type::Str),
        required("juju_model_name", Type::Str),
    ],
);
/// `ServiceMeshProviderAppData`
pub static SERVICE_MESH_PROVIDER_APP_DATA: Schema = model(
    "ServiceMeshProviderAppData",
    &[
        required("labels", Type::Map),
        required("mesh_type", Type::Enum(&MESH_TYPE)),
    ],
);

static POLICY_TARGET_REFERENCE: Schema = istio(
    "PolicyTargetReference",
    &[
        required("group", Type::Str),
        required("kind", Type::Str),
        required("name", Type::Str),
        optional("namespace", &STR),
    ],
);
static WORKLOAD_SELECTOR: Schema = istio("WorkloadSelector", &[required("matchLabels", Type::Map)]);
static SOURCE: Schema = istio(
    "Source",
    &[
        strings("principals"),
        strings("notPrincipals"),
        strings("requestPrincipals"),
        strings("notRequestPrincipals"),
        strings("ipBlocks"),
        strings("notIpBlocks"),
        strings("namespaces"),
    ],
);
static FROM: Schema = istio("From", &[required("source", Type::Model(&SOURCE))]);
static OPERATION: Schema = istio(
    "Operation",
    &[
        strings("hosts"),
        strings("notHosts"),
        strings("ports"),
        optional("methods", &METHODS),
        optional("notMethods", &METHODS),
        strings("paths"),
        strings("notPaths"),
    ],
);
static TO: Schema = istio("To", &[optional("operation", &Type::Model(&OPERATION))]);
static CONDITION: Schema = istio(
    "Condition",
    &[
        required("key", Type::Str),
        strings("values"),
        strings("notValues"),
    ],
);
static RULE: Schema = istio(
    "Rule",
    &[
        Field {
            name: "from_",
            alias: Some("from"),
            kind: Type::Optional(&Type::List(&Type::Model(&FROM))),
            absent: Absent::Null,
        },
        optional("to", &Type::List(&Type::Model(&TO))),
        optional("when", &Type::List(&Type::Model(&CONDITION))),
    ],
);
static PROVIDER: Schema = istio("Provider", &[optional("name", &STR)]);
static AUTHORIZATION_POLICY_SPEC: Schema = Schema {
    name: "AuthorizationPolicySpec",
    fields: &[
        Field {
            name: "action",
            alias: None,
            kind: Type::Enum(&ACTION),
            absent: Absent::FirstMember,
        },
        optional(
            "targetRefs",
            &Type::List(&Type::Model(&POLICY_TARGET_REFERENCE)),
        ),
        optional("selector", &Type::Model(&WORKLOAD_SELECTOR)),
        optional("rules", &Type::List(&Type::Model(&RULE))),
        optional("provider", &Type::Model(&PROVIDER)),
    ],
    rule: Rule::AuthorizationPolicySpec,
    is_istio: true,
};

/// The model class of that name.
pub fn schema(name: &str) -> Option<&'static Schema> {
    [
        &ENDPOINT,
        &APP_POLICY,
        &POLICY,
        &UNIT_POLICY,
        &MESH_POLICY,
        &CMR_DATA,
        &SERVICE_MESH_PROVIDER_APP_DATA,
        &POLICY_TARGET_REFERENCE,
        &WORKLOAD_SELECTOR,
        &SOURCE,
        &FROM,
        &OPERATION,
        &TO,
        &CONDITION,
        &RULE,
        &PROVIDER,
        &AUTHORIZATION_POLICY_SPEC,
    ]
    .into_iter()
    .find(|schema| schema.name == name)
}

/// The enumeration of that name.
pub fn enum_type(name: &str) -> Option<&'static EnumType> {
    [&METHOD, &ACTION, &MESH_TYPE, &POLICY_TARGET_TYPE]
        .into_iter()
        .find(|kind| kind.name == name)
}
