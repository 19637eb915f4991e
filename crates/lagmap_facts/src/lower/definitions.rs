//! Functions, lambdas and classes where they are defined.

use lagmap_source::Span;
use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::scopes::{Body, Heading};
use super::statements::block_span;
use super::{Lowering, span};
use crate::{
    ClassFacts, ClassIndex, ExprId, ExprList, FunctionIndex, Name, OpKind, Parameter, ParameterKind, ScopeKind,
};

/// Names inside scopes with longer names than this are not qualified: lambdas nested a thousand deep would make texts
/// that grow with the square of the depth.
const MAX_QUALIFIED: usize = 1_000;

impl<'a> Lowering<'a> {
    /// A `def`: decorators, defaults and annotations now, the body later.
    pub(super) fn define_function(&mut self, def: &'a ast::StmtFunctionDef) {
        let decorators = self.decorators(&def.decorator_list);
        let parameters = self.parameters(&def.parameters);
        let returns = def.returns.as_deref().map_or(ExprId::NONE, |returns| self.annotation(returns));
        let own_span = self.without_decorators(&def.decorator_list, def.range(), &def.name);
        let name = self.names.intern(&def.name);
        let around = self.scope();
        let class = if around.kind == ScopeKind::Class { around.class } else { None };
        let heading = Heading {
            kind: ScopeKind::Function,
            name,
            qualified_name: self.qualify(&def.name),
            class,
            is_async: def.is_async,
            parameters,
            decorators,
            returns,
            span: own_span,
            name_span: span(def.name.range()),
        };
        let body = Body::Block(&def.body, block_span(&def.body, own_span.end));
        let index = self.define_scope(heading, body);
        self.op(OpKind::DefineFunction(index), own_span);
    }

    /// A lambda: its defaults now, its value later.
    pub(super) fn lambda(&mut self, lambda: &'a ast::ExprLambda) -> FunctionIndex {
        let parameters = lambda.parameters.as_deref().map_or_else(Vec::new, |parameters| self.parameters(parameters));
        let own_span = span(lambda.range());
        let heading = Heading {
            kind: ScopeKind::Lambda,
            name: self.names.intern("<lambda>"),
            qualified_name: self.qualify("<lambda>"),
            class: None,
            is_async: false,
            parameters,
            decorators: Vec::new(),
            returns: ExprId::NONE,
            span: own_span,
            name_span: Span::new(own_span.start, own_span.end.min(own_span.start + "lambda".len() as u32)),
        };
        self.define_scope(heading, Body::Value(&lambda.body))
    }

    /// A `class`: decorators, bases and keywords now, the body later, as a scope of its own.
    pub(super) fn define_class(&mut self, def: &'a ast::StmtClassDef) {
        let decorators = self.decorators(&def.decorator_list);
        let (bases, (keywords_start, keywords_len)) = match &def.arguments {
            Some(arguments) => (self.list(&arguments.args), self.keywords(&arguments.keywords)),
            None => (ExprList::default(), (0, 0)),
        };
        let own_span = self.without_decorators(&def.decorator_list, def.range(), &def.name);
        let name_span = span(def.name.range());
        let name = self.names.intern(&def.name);
        let qualified_name = self.qualify(&def.name);
        let index = ClassIndex(self.facts.classes.len() as u32);
        let heading = Heading {
            kind: ScopeKind::Class,
            name,
            qualified_name,
            class: Some(index),
            is_async: false,
            parameters: Vec::new(),
            decorators: Vec::new(),
            returns: ExprId::NONE,
            span: own_span,
            name_span,
        };
        let body = self.define_scope(heading, Body::Block(&def.body, block_span(&def.body, own_span.end)));
        self.facts.classes.push(ClassFacts {
            name,
            qualified_name,
            parent: self.function,
            body,
            bases,
            keywords_start,
            keywords_len,
            decorators,
            span: own_span,
            name_span,
        });
        self.op(OpKind::DefineClass(index), own_span);
    }

    fn decorators(&mut self, decorators: &'a [ast::Decorator]) -> Vec<ExprId> {
        decorators.iter().map(|decorator| self.expr(&decorator.expression)).collect()
    }

    fn parameters(&mut self, parameters: &'a ast::Parameters) -> Vec<Parameter> {
        let mut lowered = Vec::with_capacity(parameters.len());
        for parameter in parameters.posonlyargs.iter().chain(&parameters.args) {
            lowered.push(self.parameter(parameter, ParameterKind::Positional));
        }
        if let Some(parameter) = &parameters.vararg {
            lowered.push(self.variadic(parameter, ParameterKind::Variadic));
        }
        for parameter in &parameters.kwonlyargs {
            lowered.push(self.parameter(parameter, ParameterKind::KeywordOnly));
        }
        if let Some(parameter) = &parameters.kwarg {
            lowered.push(self.variadic(parameter, ParameterKind::VariadicKeyword));
        }
        lowered
    }

    fn parameter(&mut self, parameter: &'a ast::ParameterWithDefault, kind: ParameterKind) -> Parameter {
        let default = self.optional(parameter.default.as_deref());
        Parameter { default, ..self.variadic(&parameter.parameter, kind) }
    }

    fn variadic(&mut self, parameter: &'a ast::Parameter, kind: ParameterKind) -> Parameter {
        let annotation = parameter.annotation.as_deref().map_or(ExprId::NONE, |annotation| self.annotation(annotation));
        Parameter { name: self.names.intern(&parameter.name), annotation, default: ExprId::NONE, kind }
    }

    /// The name of something defined in the current scope, as seen from the module.
    fn qualify(&mut self, name: &str) -> Name {
        if self.function == FunctionIndex::MODULE {
            return self.names.intern(name);
        }
        let around = self.names.text(self.scope().qualified_name);
        if around.len() > MAX_QUALIFIED {
            return self.names.intern(name);
        }
        self.scratch.clear();
        self.scratch.push_str(around);
        self.scratch.push('.');
        self.scratch.push_str(name);
        self.names.intern(&self.scratch)
    }

    /// The text of a definition from its `def`, `async` or `class` on.
    fn without_decorators(&self, decorators: &[ast::Decorator], whole: TextRange, name: &ast::Identifier) -> Span {
        let Span { mut start, end } = span(whole);
        if let Some(last) = decorators.last() {
            start = last.end().to_u32();
            let between = self.text.get(start as usize..name.start().to_usize()).unwrap_or_default();
            start += keyword_offset(between);
        }
        Span::new(start.min(end), end)
    }
}

/// How many bytes of white space, line continuations and comments `text` begins with.
fn keyword_offset(text: &str) -> u32 {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|character: char| character.is_whitespace() || character == '\\');
        let Some(comment) = rest.strip_prefix('#') else { break };
        rest = comment.find(['\n', '\r']).map_or("", |end| &comment[end..]);
    }
    (text.len() - rest.len()) as u32
}
