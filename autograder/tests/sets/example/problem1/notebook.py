# %% [markdown]
# # Problem1

# %% [markdown]
# For this problem set, we'll be using the Jupyter notebook:
#
# ![](jupyter.png)

# %% [markdown]
# ---
# ## Part A (2 points)
#
# Write a function that returns a list of numbers, such that $x_i=i^2$, for $1\leq i \leq n$. Make sure it handles the case where $n<1$ by raising a `ValueError`.

# %% tags=["given"]
from kit import check


# %% tags=["exercise:squares"]
def squares(n):
    """Compute the squares of numbers from 1 to n, such that the 
    ith element of the returned list equals i^2.
    
    """
    ### BEGIN SOLUTION
    if n < 1:
        raise ValueError("n must be greater than or equal to 1")
    return [i ** 2 for i in range(1, n + 1)]
    ### END SOLUTION


# %% tags=["check:squares"]
check("squares")

# %% [markdown]
# Your function should print `[1, 4, 9, 16, 25, 36, 49, 64, 81, 100]` for $n=10$. Check that it does:

# %% tags=["show"]
squares(10)


# %% [markdown]
# ---
#
# ## Part B (1 point)
#
# Using your `squares` function, write a function that computes the sum of the squares of the numbers from 1 to $n$. Your function should call the `squares` function -- it should NOT reimplement its functionality.

# %% tags=["exercise:sum_of_squares"]
def sum_of_squares(n):
    """Compute the sum of the squares of numbers from 1 to n."""
    ### BEGIN SOLUTION
    return sum(squares(n))
    ### END SOLUTION


# %% tags=["check:sum_of_squares"]
check("sum_of_squares")

# %% [markdown]
# The sum of squares from 1 to 10 should be 385. Verify that this is the answer you get:

# %% tags=["show"]
sum_of_squares(10)


# %% [markdown]
# ---
# ## Part C (1 point)
#
# Using LaTeX math notation, write out the equation that is implemented by your `sum_of_squares` function.

# %% [markdown] tags=["answer:sum_of_squares_equation"]
# $\sum_{i=1}^n i^2$

# %% [markdown]
# ---
# ## Part D (2 points)
#
# Find a usecase for your `sum_of_squares` function and implement that usecase in the cell below.

# %% tags=["answer:sum_of_squares_application"]
### BEGIN SOLUTION
def pyramidal_number(n):
    """Returns the n^th pyramidal number"""
    return sum_of_squares(n)
### END SOLUTION

# %% [markdown]
# ---
# ## Part E (4 points)
#
# State the formulae for an arithmetic and geometric sum and verify them numerically for an example of your choice.

# %% [markdown] tags=["answer:part-e"]
# *Your answer here.*
