// The first instructions of a program that is linked with the stub libraries.
// They call main through __libc_start_main, as glibc up to 2.33 expects: the
// program itself brings the function that runs its C constructors. A newer
// glibc's own crt1 passes none, since its library runs them, and on an older
// board the constructors would then be skipped without a word.

	.text

	.globl	_start
	.type	_start, %function
_start:
	mov	x29, #0			// the outermost frame
	mov	x30, #0
	mov	x5, x0			// the loader's own finaliser
	ldr	x1, [sp]		// argc
	add	x2, sp, #8		// argv
	mov	x6, sp			// the end of the stack
	adrp	x0, main
	add	x0, x0, :lo12:main
	adrp	x3, construct
	add	x3, x3, :lo12:construct
	mov	x4, #0			// destructors are the loader's to run
	bl	__libc_start_main	// does not return
	bl	abort

// construct(argc, argv, environment) calls each entry of .init_array with the
// same arguments.
	.type	construct, %function
construct:
	stp	x29, x30, [sp, #-64]!
	mov	x29, sp
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	str	x23, [sp, #48]
	mov	x19, x0
	mov	x20, x1
	mov	x21, x2
	adrp	x22, __init_array_start
	add	x22, x22, :lo12:__init_array_start
	adrp	x23, __init_array_end
	add	x23, x23, :lo12:__init_array_end
next:
	cmp	x22, x23
	b.eq	done
	mov	x0, x19
	mov	x1, x20
	mov	x2, x21
	ldr	x3, [x22], #8
	blr	x3
	b	next
done:
	ldr	x23, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #64
	ret

	.section .note.GNU-stack, "", %progbits	// no executable stack
