//! Ids that hold over the whole program: a file's index plus an index inside the file, flattened.

use lagmap_facts::{CallId, ClassIndex, ExprId, FunctionIndex};

/// A file of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A scope (function, lambda, class body, module body) of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(pub u32);

/// A class of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u32);

/// A package of the program that has no file of its own (a namespace package).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId(pub u32);

/// A call of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallSite(pub u32);

/// An expression of the program; also names the objects that are made there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site(pub u32);

/// Where each file's ids start, to go from program-wide ids to those of a file and back.
#[derive(Clone, Debug, Default)]
pub struct IdBases {
    functions: Vec<u32>,
    classes: Vec<u32>,
    calls: Vec<u32>,
    exprs: Vec<u32>,
    /// The files of the first of each so many calls and expressions.
    call_blocks: Vec<u32>,
    expr_blocks: Vec<u32>,
    /// The file of each scope and of each class; they are asked for most.
    function_files: Vec<u32>,
    class_files: Vec<u32>,
}

impl IdBases {
    /// The bases of files in order.
    pub fn new<'a>(files: impl Iterator<Item = &'a lagmap_facts::FileFacts>) -> Self {
        let mut bases =
            Self { functions: vec![0], classes: vec![0], calls: vec![0], exprs: vec![0], ..Self::default() };
        for (file, facts) in (0..).zip(files) {
            let push = |list: &mut Vec<u32>, count: usize| list.push(list[list.len() - 1] + count as u32);
            push(&mut bases.functions, facts.functions.len());
            push(&mut bases.classes, facts.classes.len());
            push(&mut bases.calls, facts.calls.len());
            push(&mut bases.exprs, facts.exprs.len());
            bases.function_files.resize(bases.function_files.len() + facts.functions.len(), file);
            bases.class_files.resize(bases.class_files.len() + facts.classes.len(), file);
        }
        bases.call_blocks = blocks(&bases.calls);
        bases.expr_blocks = blocks(&bases.exprs);
        bases
    }

    /// How many scopes there are.
    pub fn function_count(&self) -> usize {
        self.functions.last().copied().unwrap_or(0) as usize
    }

    /// How many classes there are.
    pub fn class_count(&self) -> usize {
        self.classes.last().copied().unwrap_or(0) as usize
    }

    /// How many calls there are.
    pub fn call_count(&self) -> usize {
        self.calls.last().copied().unwrap_or(0) as usize
    }

    /// The program-wide id of a scope.
    pub fn function(&self, file: FileId, index: FunctionIndex) -> FunctionId {
        FunctionId(self.functions[file.0 as usize] + index.0)
    }

    /// The program-wide id of a class.
    pub fn class(&self, file: FileId, index: ClassIndex) -> ClassId {
        ClassId(self.classes[file.0 as usize] + index.0)
    }

    /// The program-wide id of a call.
    pub fn call(&self, file: FileId, id: CallId) -> CallSite {
        CallSite(self.calls[file.0 as usize] + id.0)
    }

    /// The program-wide id of an expression.
    pub fn site(&self, file: FileId, id: ExprId) -> Site {
        Site(self.exprs[file.0 as usize] + id.0)
    }

    /// The file of a scope, and its index there.
    pub fn of_function(&self, id: FunctionId) -> (FileId, FunctionIndex) {
        let file = self.function_files[id.0 as usize];
        (FileId(file), FunctionIndex(id.0 - self.functions[file as usize]))
    }

    /// The file of a class, and its index there.
    pub fn of_class(&self, id: ClassId) -> (FileId, ClassIndex) {
        let file = self.class_files[id.0 as usize];
        (FileId(file), ClassIndex(id.0 - self.classes[file as usize]))
    }

    /// The file of a call, and its id there.
    pub fn of_call(&self, id: CallSite) -> (FileId, CallId) {
        let (file, index) = locate(&self.calls, &self.call_blocks, id.0);
        (file, CallId(index))
    }

    /// The file of an expression, and its id there.
    pub fn of_site(&self, id: Site) -> (FileId, ExprId) {
        let (file, index) = locate(&self.exprs, &self.expr_blocks, id.0);
        (file, ExprId(index))
    }
}

/// How many ids share an entry in a list of blocks, as a power of two.
const BLOCK: u32 = 8;

/// The file that holds the first id of each block.
fn blocks(bases: &[u32]) -> Vec<u32> {
    let count = bases.last().copied().unwrap_or(0);
    let mut file = 0;
    let file_of = |first: u32| {
        while bases[file + 1] <= first {
            file += 1;
        }
        file as u32
    };
    (0..count).step_by(1 << BLOCK).map(file_of).collect()
}

/// The file whose ids hold `id`: the last base at or below it, files without any passed over.
fn locate(bases: &[u32], blocks: &[u32], id: u32) -> (FileId, u32) {
    let first = blocks[(id >> BLOCK) as usize] as usize;
    let behind = bases[first + 1..].iter().take_while(|base| **base <= id).count();
    let file = first + behind;
    (FileId(file as u32), id - bases[file])
}

#[cfg(test)]
mod tests {
    use super::{blocks, locate};
    use crate::FileId;

    #[test]
    fn files_without_entries_are_passed_over() {
        let bases = [0, 3, 3, 5, 1000, 1000];
        let blocks = blocks(&bases);
        assert_eq!(blocks, [0, 3, 3, 3]);
        assert_eq!(locate(&bases, &blocks, 2), (FileId(0), 2));
        assert_eq!(locate(&bases, &blocks, 3), (FileId(2), 0));
        assert_eq!(locate(&bases, &blocks, 4), (FileId(2), 1));
        assert_eq!(locate(&bases, &blocks, 999), (FileId(3), 994));
    }
}
