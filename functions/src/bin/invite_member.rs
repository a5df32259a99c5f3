fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::INVITE_MEMBER)
}
