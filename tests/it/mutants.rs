//! The changes that the simulation has to notice are of the source as it is, so that they can be
//! made when it is asked.

#[path = "../mutants/list.rs"]
mod list;

use list::MUTANTS;

#[test]
fn each_change_that_the_simulation_has_to_notice_can_be_made() {
    for mutant in &MUTANTS {
        let file = desk::workspace_root().join(mutant.file);
        let text = std::fs::read_to_string(file).expect("a file of the product");
        assert_ne!(mutant.of(&text), text, "{}", mutant.name());
        assert!(!mutant.noticed_by.is_empty(), "{}", mutant.name());
    }
}
