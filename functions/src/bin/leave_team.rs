fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::LEAVE_TEAM)
}
