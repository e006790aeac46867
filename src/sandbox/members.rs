//! Who is in the sandbox: one table that README, landing page, OpenAPI examples and tests share.

/// accountId of the first account set.
pub const FLAGSHIP: &str = "1378250463920128001";
/// accountId of the second account set.
pub const OUTLET: &str = "1378250463920128002";

/// One member of one account set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SandboxMember {
    /// accountId of the account set that the member belongs to.
    pub account: &'static str,
    /// member_id
    pub id: &'static str,
    /// member_name
    pub name: &'static str,
    /// The phone number that the `mobile` filter finds; from ranges nobody is called on here.
    pub mobile: &'static str,
    /// Rows in the ledger before anything is inserted.
    pub rows: u64,
}

const fn member(
    account: &'static str,
    id: &'static str,
    name: &'static str,
    mobile: &'static str,
    rows: u64,
) -> SandboxMember {
    SandboxMember { account, id, name, mobile, rows }
}

/// Every member. `1003` lives in both account sets, with another name and other rows: a cache that forgets the
/// account set in its key shows one shop's customer to the other.
pub const MEMBERS: &[SandboxMember] = &[
    member(FLAGSHIP, "1001", "陈新", "13800001001", 0),
    member(FLAGSHIP, "1002", "李一诺", "13800001002", 1),
    member(FLAGSHIP, "1003", "王小满", "13800001003", 57),
    member(FLAGSHIP, "1004", "赵百川", "13800001004", 100),
    member(FLAGSHIP, "1005", "孙百一", "13800001005", 101),
    member(FLAGSHIP, "1006", "周千帆", "13800001006", 1_234),
    member(FLAGSHIP, "1007", "吴万里", "13800001007", 25_000),
    member(FLAGSHIP, "1378250463920129288", "欧阳春晓", "13800009288", 88),
    member(OUTLET, "1003", "郑秋实", "13900001003", 12),
    member(OUTLET, "2001", "冯冬青", "13900002001", 230),
];

/// One points business type (积分业务类型).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SandboxType {
    /// type_id
    pub id: &'static str,
    /// type_number, what the `integral_type` filter takes.
    pub number: &'static str,
    /// type_name
    pub name: &'static str,
}

/// Every type, in the order of their numbers.
pub const TYPES: &[SandboxType] = &[
    SandboxType { id: "876500000000000001", number: "001", name: "消费积分" },
    SandboxType { id: "876500000000000002", number: "002", name: "签到" },
    SandboxType { id: "876500000000000003", number: "003", name: "积分兑换" },
    SandboxType { id: "876500000000000004", number: "004", name: "过期清零" },
    SandboxType { id: "876500000000000005", number: "005", name: "充值赠送" },
    SandboxType { id: "876500000000000006", number: "006", name: "手工调整" },
];
