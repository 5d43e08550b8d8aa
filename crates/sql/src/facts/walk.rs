//! A walk over a parse tree that finds every relation it names.
//!
//! The tree has more than 200 kinds of node and its binding offers no complete visitor, but every
//! node can be serialized. So the walk is a serializer that writes nothing: it sees each structure
//! with its name and each field with its own, and misses no place where a relation can stand.

use std::fmt::Error;

use serde::ser::{self, Serialize, Serializer};

/// A relation in the tree.
#[derive(Debug, Default)]
pub(crate) struct FoundRelation {
    /// Schema; empty when the text gives none.
    pub(super) schema: String,
    /// Name.
    pub(super) name: String,
    /// Structure and field that hold it, such as `InsertStmt` and `relation`.
    pub(super) holder: (&'static str, &'static str),
    /// Numbers of the structures around it.
    around: Vec<u32>,
}

/// A common table expression in the tree.
#[derive(Debug)]
struct FoundCte {
    name: String,
    own: u32,
    with: u32,
    statement: u32,
}

/// What a walk has found.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Name of the outermost node.
    pub(super) root: &'static str,
    /// Every relation, in the order of the tree.
    pub(crate) relations: Vec<FoundRelation>,
    /// The last word of the name of every function that is called.
    pub(crate) functions: Vec<String>,
    /// How many locking clauses there are, such as FOR UPDATE.
    pub(crate) locking_clauses: usize,
    ctes: Vec<FoundCte>,
    recursive: Vec<u32>,
    frames: Vec<Frame>,
    next: u32,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    name: &'static str,
    field: &'static str,
    number: u32,
}

impl Walk {
    /// Returns what is found in a tree.
    pub(crate) fn over(tree: &impl Serialize) -> Walk {
        let mut walk = Walk::default();
        // The walk itself never fails.
        let _ = tree.serialize(&mut walk);
        walk
    }

    /// Returns whether a common table expression of this name is in scope where the relation stands.
    ///
    /// PostgreSQL manual, SELECT, "WITH Clause": a query sees its siblings written before it; with
    /// RECURSIVE it sees all of them and itself.
    pub(super) fn is_cte(&self, relation: &FoundRelation) -> bool {
        let inside = |number: &u32| relation.around.binary_search(number).is_ok();
        relation.schema.is_empty()
            && self.ctes.iter().any(|cte| {
                let sees_only_earlier = inside(&cte.with) && !self.recursive.contains(&cte.with);
                let earlier = !inside(&cte.own) && relation.around.last().is_some_and(|last| cte.own < *last);
                cte.name == relation.name && inside(&cte.statement) && (!sees_only_earlier || earlier)
            })
    }

    fn enter(&mut self, name: &'static str) {
        let holders = self.frames.iter().rev().filter(|frame| frame.name != "Node" && frame.name != "List");
        if name == "RangeVar" {
            let holder = holders.map(|frame| (frame.name, frame.field)).next().unwrap_or_default();
            let around = self.frames.iter().map(|frame| frame.number).collect();
            self.relations.push(FoundRelation { holder, around, ..FoundRelation::default() });
        } else if name == "FuncCall" {
            self.functions.push(String::new());
        } else if name == "LockingClause" {
            self.locking_clauses += 1;
        } else if name == "CommonTableExpr" {
            let mut numbers = holders.map(|frame| frame.number);
            let (with, statement) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
            self.ctes.push(FoundCte { name: String::new(), own: self.next, with, statement });
        }
        self.frames.push(Frame { name, field: "", number: self.next });
        self.next += 1;
    }

    fn text(&mut self, text: &str) {
        let Some(frame) = self.frames.last() else { return };
        match (frame.name, frame.field) {
            ("RangeVar", "schemaname") => self.relation(|found| found.schema = text.to_owned()),
            ("RangeVar", "relname") => self.relation(|found| found.name = text.to_owned()),
            ("CommonTableExpr", "ctename") => {
                if let Some(cte) = self.ctes.iter_mut().rev().find(|cte| cte.own == frame.number) {
                    cte.name = text.to_owned();
                }
            }
            ("String", "sval") if self.holder() == ("FuncCall", "funcname") => {
                if let Some(last) = self.functions.last_mut() {
                    text.clone_into(last);
                }
            }
            _ => {}
        }
    }

    /// Returns the structure and field around the present structure.
    fn holder(&self) -> (&'static str, &'static str) {
        let mut around = self.frames.iter().rev().skip(1);
        let holder = around.find(|frame| frame.name != "Node" && frame.name != "List");
        holder.map(|frame| (frame.name, frame.field)).unwrap_or_default()
    }

    fn true_field(&mut self) {
        if let Some(Frame { name: "WithClause", field: "recursive", number }) = self.frames.last() {
            self.recursive.push(*number);
        }
    }

    fn relation(&mut self, set: impl FnOnce(&mut FoundRelation)) {
        if let Some(relation) = self.relations.last_mut() {
            set(relation);
        }
    }
}

/// Scalars say nothing about relations.
macro_rules! ignore {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, _: $type) -> Result<(), Error> {
            Ok(())
        })*
    };
}

impl Serializer for &mut Walk {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = ser::Impossible<(), Error>;
    type SerializeTupleStruct = ser::Impossible<(), Error>;
    type SerializeTupleVariant = ser::Impossible<(), Error>;
    type SerializeMap = ser::Impossible<(), Error>;
    type SerializeStruct = Self;
    type SerializeStructVariant = ser::Impossible<(), Error>;

    ignore!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_bytes: &[u8],
        serialize_unit_struct: &'static str
    );

    fn serialize_bool(self, flag: bool) -> Result<(), Error> {
        if flag {
            self.true_field();
        }
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.text(text);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        if self.root.is_empty() {
            self.root = variant;
        }
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self, Error> {
        self.enter(name);
        Ok(self)
    }

    // The binding's nodes are structures, lists, scalars and variants with one value; nothing else.

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
        Err(Error)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Error> {
        Err(Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Err(Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Error> {
        Err(Error)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Err(Error)
    }
}

impl ser::SerializeSeq for &mut Walk {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

impl ser::SerializeStruct for &mut Walk {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        field: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        if let Some(frame) = self.frames.last_mut() {
            frame.field = field;
        }
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Error> {
        self.frames.pop();
        Ok(())
    }
}
