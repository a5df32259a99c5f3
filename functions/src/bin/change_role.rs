fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::CHANGE_ROLE)
}
